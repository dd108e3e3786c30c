//! The members of groups that the program runs, each on a task of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use krafka::consumer::{AutoOffsetReset, Consumer, GroupProtocol};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Answer, Failure, connect, text};

#[derive(Default)]
struct Seen {
    partitions: Vec<i32>,
    read: Vec<String>,
    failure: Option<String>,
}

struct Member {
    seen: Arc<Mutex<Seen>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

#[derive(Default)]
pub struct Members(HashMap<String, Member>);

async fn consumer(request: &Value) -> krafka::Result<Consumer> {
    let kafka = connect().await?;
    let building = kafka
        .consumer(text(request, "group"))
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .enable_auto_commit(false)
        .fetch_max_wait(Duration::from_millis(50));
    let building = if text(request, "protocol") == "consumer" {
        building.group_protocol(GroupProtocol::Consumer)
    } else {
        building.session_timeout(Duration::from_secs(6)).heartbeat_interval(Duration::from_millis(300))
    };
    let consumer = building.build().await?;
    consumer.subscribe([text(request, "topic")]).await?;
    Ok(consumer)
}

async fn run(
    consumer: Consumer,
    topic: String,
    seen: Arc<Mutex<Seen>>,
    stop: watch::Receiver<bool>,
) -> krafka::Result<()> {
    while !*stop.borrow() {
        let found = match consumer.poll(Duration::from_millis(50)).await {
            Ok(found) => found,
            Err(error) => {
                eprintln!("poll: {error}"); // while the service is away
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let mut partitions = consumer.assignment().await.remove(&topic).unwrap_or_default();
        partitions.sort();
        {
            let mut seen = seen.lock().expect("nobody panics");
            seen.partitions = partitions;
            seen.read.extend(found.iter().map(|one| one.value_str().unwrap_or_default().to_string()));
        }
        if !found.is_empty()
            && let Err(error) = consumer.commit().await
        {
            eprintln!("commit: {error}"); // a rebalance: what was read comes again
        }
    }
    consumer.close().await
}

impl Members {
    pub async fn join(&mut self, request: &Value) -> Answer {
        let consumer = consumer(request).await?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = watch::channel(false);
        let (topic, shared) = (text(request, "topic"), seen.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = run(consumer, topic, shared.clone(), stopped).await {
                shared.lock().expect("nobody panics").failure = Some(format!("the member ended: {error}"));
            }
        });
        self.0.insert(text(request, "member"), Member { seen, stop, task });
        Ok(Value::Null)
    }

    pub fn look(&self, request: &Value) -> Answer {
        let mut seen = self.0[&text(request, "member")].seen.lock().expect("nobody panics");
        if let Some(failure) = &seen.failure {
            return Err(Failure::Refused(failure.clone()));
        }
        let read = std::mem::take(&mut seen.read);
        Ok(json!({"partitions": seen.partitions, "read": read}))
    }

    pub async fn leave(&mut self, request: &Value) -> Answer {
        if let Some(member) = self.0.remove(&text(request, "member")) {
            member.stop.send(true)?;
            member.task.await?;
        }
        Ok(Value::Null)
    }
}

//! krafka, a client in Rust alone: its producer, consumer and admin client.

mod admin;
mod group;
mod records;

use std::io::{BufRead, Write};

use krafka::Kafka;
use serde_json::{Value, json};

const VERSION: &str = "0.28.1";

/// What a request ends with if not with an answer.
pub enum Failure {
    /// The client has no way to ask for it.
    NotThere(&'static str),
    Refused(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Refused(error.to_string())
    }
}

pub type Answer = Result<Value, Failure>;

pub fn text(request: &Value, name: &str) -> String {
    request[name].as_str().unwrap_or_default().to_string()
}

pub fn number(request: &Value, name: &str) -> i64 {
    request[name].as_i64().unwrap_or_default()
}

pub async fn connect() -> krafka::Result<Kafka> {
    let bootstrap = std::env::var("BOOTSTRAP").unwrap_or_default();
    Kafka::builder(bootstrap).client_id("stele-matrix").connect().await
}

struct Program {
    kafka: Kafka,
    members: group::Members,
    sender: Option<records::Sender>,
}

impl Program {
    async fn answer(&mut self, request: &Value) -> Answer {
        let admin = admin::Admin(self.kafka.admin());
        match request["do"].as_str().unwrap_or_default() {
            "hello" => Ok(json!({"version": VERSION, "lacks": {}})),
            "produce" => records::produce(request).await,
            "start_producer" => {
                self.sender = Some(records::start(request).await?);
                Ok(Value::Null)
            }
            "end_producer" => records::end(self.sender.take()).await,
            "assign" => records::assign(request).await,
            "join" => self.members.join(request).await,
            "member" => self.members.look(request),
            "leave" => self.members.leave(request).await,
            "offset_at" => admin.offset_at(request).await,
            "create_topic" => admin.create_topic(request).await,
            "describe_configs" => admin.describe_configs(request).await,
            "alter_config" => admin.alter_config(request).await,
            "create_partitions" => admin.create_partitions(request).await,
            "delete_records" => admin.delete_records(request).await,
            "list_groups" => admin.list_groups().await,
            "describe_group" => admin.describe_group(request).await,
            "delete_offsets" => admin.delete_offsets(request).await,
            "delete_group" => admin.delete_group(request).await,
            "delete_topic" => admin.delete_topic(request).await,
            other => Err(Failure::Refused(format!("no such request: {other}"))),
        }
    }
}

#[tokio::main]
async fn main() {
    let kafka = connect().await.expect("the service is there");
    let mut program = Program { kafka, members: group::Members::default(), sender: None };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let request: Value = serde_json::from_str(&line).expect("JSON");
        let answer = match program.answer(&request).await {
            Ok(is) => json!({"is": is}),
            Err(Failure::NotThere(why)) => json!({"na": why}),
            Err(Failure::Refused(why)) => json!({"error": why}),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("the driver listens");
    }
}

//! Records out and in, and the idempotent producer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use krafka::producer::Acks;
use krafka::{Compression, Record};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::{Answer, Failure, connect, number, text};

const READ_MAX: Duration = Duration::from_secs(40);

fn decode(value: &Value) -> Option<Bytes> {
    value.as_str().map(|raw| STANDARD.decode(raw).expect("base64").into())
}

fn encode(raw: &Option<Bytes>) -> Value {
    raw.as_ref().map_or(Value::Null, |raw| STANDARD.encode(raw).into())
}

fn record(topic: &str, one: &Value) -> Record {
    let mut record = Record::new(topic, "").without_value();
    record.partition = Some(number(one, "partition") as i32);
    record.timestamp = Some(number(one, "at"));
    record.key = decode(&one["key"]);
    record.value = decode(&one["value"]);
    for header in one["headers"].as_array().into_iter().flatten() {
        record.headers.push((header[0].as_str().unwrap_or_default().to_string(), decode(&header[1])));
    }
    record
}

pub async fn produce(request: &Value) -> Answer {
    let codec = match text(request, "codec").as_str() {
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    };
    let kafka = connect().await?;
    let producer =
        kafka.producer().compression(codec).linger(Duration::from_millis(50)).acks(Acks::All).build().await?;
    let topic = text(request, "topic");
    let mut sent = Vec::new();
    for one in request["records"].as_array().into_iter().flatten() {
        sent.push(producer.enqueue(record(&topic, one)).await?);
    }
    for one in sent {
        drop(one.await?);
    }
    producer.close().await?;
    Ok(Value::Null)
}

pub type Sender = JoinHandle<krafka::Result<()>>;

/// Sends numbers in the background; idempotent, as the client is where nothing else is said.
pub async fn start(request: &Value) -> krafka::Result<Sender> {
    let (topic, count) = (text(request, "topic"), number(request, "count"));
    let pause = Duration::from_millis(number(request, "pause_ms") as u64);
    let kafka = connect().await?;
    let producer = kafka.producer().linger(Duration::ZERO).delivery_timeout(Duration::from_secs(80)).build().await?;
    Ok(tokio::spawn(async move {
        let mut sent = Vec::new();
        for number in 0..count {
            sent.push(producer.enqueue(Record::new(&topic, number.to_string()).partition(0)).await?);
            sleep(pause).await;
        }
        for one in sent {
            drop(one.await?);
        }
        producer.close().await
    }))
}

pub async fn end(sender: Option<Sender>) -> Answer {
    match sender {
        Some(sender) => sender.await??,
        None => return Err(Failure::Refused("no producer was started".to_string())),
    }
    Ok(Value::Null)
}

pub async fn assign(request: &Value) -> Answer {
    let topic = text(request, "topic");
    let start: Vec<(i32, i64)> = request["start"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pair| (pair[0].as_i64().unwrap_or_default() as i32, pair[1].as_i64().unwrap_or_default()))
        .collect();
    let consumer = connect().await?.consumer_without_group().build().await?;
    consumer.assign(&topic, start.iter().map(|(partition, _)| *partition).collect()).await?;
    for (partition, at) in start {
        consumer.seek(&topic, partition, at).await?;
    }
    let count = number(request, "count") as usize;
    let mut found = Vec::new();
    timeout(READ_MAX, async {
        while found.len() < count {
            for one in consumer.poll(Duration::from_millis(200)).await? {
                let headers: Vec<Value> =
                    one.headers.iter().map(|(name, value)| json!([name, encode(value)])).collect();
                found.push(json!({"partition": one.partition, "offset": one.offset, "at": one.timestamp,
                                  "key": encode(&one.key), "value": encode(&one.value), "headers": headers}));
            }
        }
        krafka::Result::Ok(())
    })
    .await??;
    consumer.close().await?;
    Ok(found.into())
}

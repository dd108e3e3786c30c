//! Offsets looked up, and administration.

use std::collections::HashMap;
use std::hash::Hash;

use krafka::admin::{
    AdminClient, ConfigOp, ConfigResource, CreatePartitionsOptions, CreateTopicsOptions,
    DeleteConsumerGroupOffsetsOptions, DeleteConsumerGroupsOptions, DeleteRecordsOptions, DeleteTopicsOptions,
    DescribeConfigsOptions, DescribeConsumerGroupsOptions, IncrementalAlterConfigsOptions, ListConsumerGroupsOptions,
    ListOffsetsOptions, NewTopic, OffsetSpec, TopicPartition,
};
use serde_json::{Map, Value, json};

use crate::{Answer, Failure, connect, number, text};

pub struct Admin(pub AdminClient);

fn place(request: &Value) -> TopicPartition {
    TopicPartition::new(text(request, "topic"), number(request, "partition") as i32)
}

/// The one answer that there is.
fn only<Key: Eq + Hash, T>(found: HashMap<Key, krafka::Result<T>>) -> Result<T, Failure> {
    match found.into_values().next() {
        Some(one) => Ok(one?),
        None => Err(Failure::Refused("no answer for what was asked".to_string())),
    }
}

impl Admin {
    pub async fn offset_at(&self, request: &Value) -> Answer {
        let asked = match request["at"].as_str() {
            Some("earliest") => OffsetSpec::Earliest,
            Some("latest") => OffsetSpec::Latest,
            Some(_) => OffsetSpec::MaxTimestamp,
            None => return self.offset_at_time(request).await,
        };
        let found = only(self.0.list_offsets([(place(request), asked)], ListOffsetsOptions::default()).await?)?;
        Ok(found.offset.into())
    }

    /// The admin client would ask again for a minute where nothing is later; the consumer tells so.
    async fn offset_at_time(&self, request: &Value) -> Answer {
        let consumer = connect().await?.consumer_without_group().build().await?;
        let (topic, partition) = (text(request, "topic"), number(request, "partition") as i32);
        let found = only(consumer.offsets_for_times(&[(&topic, partition)], number(request, "at")).await)?;
        consumer.close().await?;
        Ok(if found < 0 { Value::Null } else { found.into() })
    }

    pub async fn create_topic(&self, request: &Value) -> Answer {
        let mut topic = NewTopic::new(text(request, "topic"), number(request, "partitions") as i32, 1)?;
        for (name, value) in request["configs"].as_object().into_iter().flatten() {
            topic = topic.with_config(name, value.as_str().unwrap_or_default());
        }
        only(self.0.create_topics([topic], CreateTopicsOptions::default()).await?)?;
        Ok(Value::Null)
    }

    pub async fn describe_configs(&self, request: &Value) -> Answer {
        let asked = [ConfigResource::topic(text(request, "topic"))];
        let found = only(self.0.describe_configs(asked, DescribeConfigsOptions::default()).await?)?;
        let values: Map<String, Value> = found.into_iter().map(|one| (one.name, one.value.into())).collect();
        Ok(values.into())
    }

    pub async fn alter_config(&self, request: &Value) -> Answer {
        let change = ConfigOp::set(text(request, "name"), text(request, "value"));
        let changes = [(ConfigResource::topic(text(request, "topic")), vec![change])];
        only(self.0.incremental_alter_configs(changes, IncrementalAlterConfigsOptions::default()).await?)?;
        Ok("incremental".into())
    }

    pub async fn create_partitions(&self, request: &Value) -> Answer {
        let total = [(text(request, "topic"), number(request, "total") as i32)];
        only(self.0.create_partitions(total, CreatePartitionsOptions::default()).await?)?;
        Ok(Value::Null)
    }

    pub async fn delete_records(&self, request: &Value) -> Answer {
        let before = [(place(request), number(request, "before"))];
        only(self.0.delete_records(before, DeleteRecordsOptions::default()).await?)?;
        Ok(Value::Null)
    }

    pub async fn list_groups(&self) -> Answer {
        let found = only(self.0.list_consumer_groups(ListConsumerGroupsOptions::default()).await?)?;
        Ok(found.into_iter().map(|one| one.group_id).collect())
    }

    pub async fn describe_group(&self, request: &Value) -> Answer {
        let asked = [text(request, "group")];
        let found = only(self.0.describe_consumer_groups(asked, DescribeConsumerGroupsOptions::default()).await?)?;
        let mut members = Vec::new();
        for one in found.members {
            let mut partitions = Vec::new();
            for topic in one.assignment.unwrap_or_default() {
                partitions.extend(topic.partitions.iter().map(|partition| json!([topic.topic_name, partition])));
            }
            partitions.sort_by_key(|pair| pair[1].as_i64());
            members.push(json!({"client": one.client_id, "partitions": partitions}));
        }
        Ok(json!({"state": found.state, "members": members}))
    }

    pub async fn delete_offsets(&self, request: &Value) -> Answer {
        let options = DeleteConsumerGroupOffsetsOptions::default();
        only(self.0.delete_consumer_group_offsets(text(request, "group"), [place(request)], options).await?)?;
        Ok(Value::Null)
    }

    pub async fn delete_group(&self, request: &Value) -> Answer {
        let options = DeleteConsumerGroupsOptions::default();
        only(self.0.delete_consumer_groups([text(request, "group")], options).await?)?;
        Ok(Value::Null)
    }

    pub async fn delete_topic(&self, request: &Value) -> Answer {
        let options = DeleteTopicsOptions::default();
        only(self.0.delete_topics([text(request, "topic")], options).await?)?;
        Ok(Value::Null)
    }
}

// sarama: its producers, partition consumers, consumer groups and ClusterAdmin.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"client/speak"

	"github.com/IBM/sarama"
)

var codecs = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

var seeds = []string{os.Getenv("BOOTSTRAP")}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.ClientID = speak.ClientID
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 50 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	config.Metadata.Retry.Max = 300
	return config
}

// bytes: nil stays nil, which is not the same as empty.
func bytes(raw []byte) sarama.Encoder {
	if raw == nil {
		return nil
	}
	return sarama.ByteEncoder(raw)
}

func produce(r speak.Request) (any, error) {
	config := settings()
	config.Producer.Compression = codecs[r.Codec]
	config.Producer.Flush.Frequency = 50 * time.Millisecond
	producer, err := sarama.NewSyncProducer(seeds, config)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for _, one := range r.Records {
		message := &sarama.ProducerMessage{Topic: r.Topic, Partition: one.Partition, Key: bytes(one.Key),
			Value: bytes(one.Value), Timestamp: time.UnixMilli(one.At)}
		for _, header := range one.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		messages = append(messages, message)
	}
	return nil, producer.SendMessages(messages)
}

var sent = make(chan error, 1)

func startProducer(r speak.Request) (any, error) {
	config := settings()
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Retry.Max = 600
	config.Producer.Retry.Backoff = 100 * time.Millisecond
	producer, err := sarama.NewAsyncProducer(seeds, config)
	if err != nil {
		return nil, err
	}
	go func() {
		for number := range r.Count {
			producer.Input() <- &sarama.ProducerMessage{Topic: r.Topic, Value: sarama.StringEncoder(fmt.Sprint(number))}
			time.Sleep(time.Duration(r.PauseMs) * time.Millisecond)
		}
	}()
	go func() {
		var failed error
		for range r.Count {
			select {
			case <-producer.Successes():
			case err := <-producer.Errors():
				failed = err
			}
		}
		sent <- errors.Join(failed, producer.Close())
	}()
	return nil, nil
}

func endProducer(speak.Request) (any, error) { return nil, <-sent }

func assign(r speak.Request) (any, error) {
	consumer, err := sarama.NewConsumer(seeds, settings())
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	for _, one := range r.Start {
		partition, err := consumer.ConsumePartition(r.Topic, int32(one[0]), one[1])
		if err != nil {
			return nil, err
		}
		defer partition.AsyncClose()
		go func() {
			for message := range partition.Messages() {
				messages <- message
			}
		}()
	}
	found, late := []speak.Record{}, time.After(speak.AnswerTimeout)
	for len(found) < r.Count {
		select {
		case one := <-messages:
			record := speak.Record{Key: one.Key, Value: one.Value, At: one.Timestamp.UnixMilli(), Partition: one.Partition,
				Offset: one.Offset, Headers: []speak.Header{}}
			for _, header := range one.Headers {
				record.Headers = append(record.Headers, speak.Header{Name: string(header.Key), Value: header.Value})
			}
			found = append(found, record)
		case <-late:
			return nil, fmt.Errorf("read %d of %d", len(found), r.Count)
		}
	}
	return found, nil
}

func offsetAt(r speak.Request) (any, error) {
	client, err := sarama.NewClient(seeds, settings())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	at := int64(0)
	switch asked := r.At.(type) {
	case float64:
		at = int64(asked)
	case string:
		if asked == "max" {
			return nil, speak.NotThere("sarama knows the oldest, the newest and a time")
		}
		at = map[string]int64{"earliest": sarama.OffsetOldest, "latest": sarama.OffsetNewest}[asked]
	}
	offset, err := client.GetOffset(r.Topic, r.Partition, at)
	if offset < 0 {
		return nil, err
	}
	return offset, err
}

// --- groups ---

type handler struct {
	member *speak.Member
	topic  string
}

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	h.member.Assigned(session.Claims()[h.topic])
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	h.member.Assigned(nil)
	return nil
}

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			h.member.Add(string(message.Value))
			session.MarkMessage(message, "")
			session.Commit()
		case <-session.Context().Done():
			return nil
		}
	}
}

func run(member *speak.Member, r speak.Request) error {
	config := settings()
	config.Consumer.Return.Errors = true
	group, err := sarama.NewConsumerGroup(seeds, r.Group, config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-member.Stop; cancel() }()
	go func() {
		for err := range group.Errors() {
			fmt.Fprintln(os.Stderr, r.Member, err)
		}
	}()
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{r.Topic}, handler{member, r.Topic}); err != nil {
			fmt.Fprintln(os.Stderr, r.Member, "consume:", err) // while the service is away
			time.Sleep(100 * time.Millisecond)
		}
	}
	return group.Close()
}

// --- administration ---

func asAdmin(call func(sarama.ClusterAdmin, speak.Request) (any, error)) func(speak.Request) (any, error) {
	return func(r speak.Request) (any, error) {
		admin, err := sarama.NewClusterAdmin(seeds, settings())
		if err != nil {
			return nil, err
		}
		defer admin.Close()
		return call(admin, r)
	}
}

func createTopic(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	configs := map[string]*string{}
	for name, value := range r.Configs {
		configs[name] = &value
	}
	return nil, admin.CreateTopic(r.Topic, &sarama.TopicDetail{NumPartitions: int32(r.Partitions), ReplicationFactor: 1,
		ConfigEntries: configs}, false)
}

func describeConfigs(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	found, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: r.Topic})
	values := map[string]string{}
	for _, one := range found {
		values[one.Name] = one.Value
	}
	return values, err
}

func alterConfig(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &r.Value}
	return "incremental", admin.IncrementalAlterConfig(sarama.TopicResource, r.Topic,
		map[string]sarama.IncrementalAlterConfigsEntry{r.Name: entry}, false)
}

func createPartitions(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	return nil, admin.CreatePartitions(r.Topic, int32(r.Total), nil, false)
}

func deleteRecords(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	return nil, admin.DeleteRecords(r.Topic, map[int32]int64{r.Partition: r.Before})
}

func listGroups(admin sarama.ClusterAdmin, _ speak.Request) (any, error) {
	found, err := admin.ListConsumerGroups()
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	return names, err
}

func describeGroup(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	found, err := admin.DescribeConsumerGroups([]string{r.Group})
	if err != nil {
		return nil, err
	}
	if found[0].Err != sarama.ErrNoError {
		return nil, found[0].Err
	}
	described := speak.Described{State: found[0].State}
	for _, one := range found[0].Members {
		assigned, err := one.GetMemberAssignment()
		if err != nil {
			return nil, err
		}
		member := speak.DescribedMember{Client: one.ClientId}
		for topic, partitions := range assigned.Topics {
			member.Add(topic, partitions)
		}
		described.Members = append(described.Members, member)
	}
	return described, nil
}

func deleteOffsets(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	return nil, admin.DeleteConsumerGroupOffset(r.Group, r.Topic, r.Partition)
}

func deleteGroup(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	return nil, admin.DeleteConsumerGroup(r.Group)
}

func deleteTopic(admin sarama.ClusterAdmin, r speak.Request) (any, error) {
	return nil, admin.DeleteTopic(r.Topic)
}

func main() {
	members := speak.Members{}
	calls := speak.Calls{"produce": produce, "start_producer": startProducer, "end_producer": endProducer, "assign": assign,
		"offset_at": offsetAt, "create_topic": asAdmin(createTopic), "describe_configs": asAdmin(describeConfigs),
		"alter_config": asAdmin(alterConfig), "create_partitions": asAdmin(createPartitions),
		"delete_records": asAdmin(deleteRecords), "list_groups": asAdmin(listGroups),
		"describe_group": asAdmin(describeGroup), "delete_offsets": asAdmin(deleteOffsets),
		"delete_group": asAdmin(deleteGroup), "delete_topic": asAdmin(deleteTopic),
		"join": func(r speak.Request) (any, error) {
			if r.Protocol == "consumer" {
				return nil, speak.NotThere("sarama has the classic group protocol only")
			}
			members.Join(r.Member, func(member *speak.Member) error { return run(member, r) })
			return nil, nil
		}}
	members.AddTo(calls)
	speak.Speak(calls, speak.VersionOf("github.com/IBM/sarama"), nil)
}

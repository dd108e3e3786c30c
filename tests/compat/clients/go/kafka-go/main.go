// segmentio/kafka-go: Writer, Reader, ConsumerGroup and Client.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"client/speak"

	"github.com/segmentio/kafka-go"
)

var codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4,
	"zstd": kafka.Zstd}

var seed = os.Getenv("BOOTSTRAP")

// fresh connections, without what was known of topics before, or of a service that was restarted since.
func fresh() *kafka.Transport { return &kafka.Transport{ClientID: speak.ClientID} }

func connect() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(seed), Timeout: speak.AnswerTimeout, Transport: fresh()}
}

const noIdempotence = "kafka-go has no idempotent producer"

func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), speak.AnswerTimeout)
}

func produce(r speak.Request) (any, error) {
	writer := &kafka.Writer{Addr: kafka.TCP(seed), Topic: r.Topic, Compression: codecs[r.Codec], BatchSize: 1000,
		BatchTimeout: 50 * time.Millisecond, RequiredAcks: kafka.RequireAll, Transport: fresh(),
		Balancer: kafka.BalancerFunc(func(message kafka.Message, _ ...int) int { return message.WriterData.(int) })}
	defer writer.Close()
	var messages []kafka.Message
	for _, one := range r.Records {
		message := kafka.Message{Key: one.Key, Value: one.Value, Time: time.UnixMilli(one.At), WriterData: int(one.Partition)}
		for _, header := range one.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
		}
		messages = append(messages, message)
	}
	ctx, cancel := soon()
	defer cancel()
	return nil, writer.WriteMessages(ctx, messages...)
}

func reader(topic string, partition int, at int64) (*kafka.Reader, error) {
	one := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{seed}, Topic: topic, Partition: partition, MinBytes: 1,
		MaxBytes: 10 << 20, MaxWait: 50 * time.Millisecond})
	return one, one.SetOffset(at)
}

func assign(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	messages, failed := make(chan kafka.Message), make(chan error, len(r.Start))
	for _, one := range r.Start {
		partition, err := reader(r.Topic, int(one[0]), one[1])
		if err != nil {
			return nil, err
		}
		defer partition.Close()
		go func() {
			for {
				message, err := partition.ReadMessage(ctx)
				if err != nil {
					failed <- err
					return
				}
				messages <- message
			}
		}()
	}
	found := []speak.Record{}
	for len(found) < r.Count {
		select {
		case one := <-messages:
			record := speak.Record{Key: one.Key, Value: one.Value, At: one.Time.UnixMilli(), Partition: int32(one.Partition),
				Offset: one.Offset, Headers: []speak.Header{}}
			for _, header := range one.Headers {
				record.Headers = append(record.Headers, speak.Header{Name: header.Key, Value: header.Value})
			}
			found = append(found, record)
		case err := <-failed:
			return nil, err
		}
	}
	return found, nil
}

func offsetAt(r speak.Request) (any, error) {
	asked := kafka.OffsetRequest{Partition: int(r.Partition)}
	switch at := r.At.(type) {
	case float64:
		asked.Timestamp = int64(at)
	case string:
		if at == "max" {
			return nil, speak.NotThere("kafka-go asks with ListOffsets up to version 5; the greatest timestamp came with 7")
		}
		asked.Timestamp = map[string]int64{"earliest": kafka.FirstOffset, "latest": kafka.LastOffset}[at]
	}
	ctx, cancel := soon()
	defer cancel()
	answer, err := connect().ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{r.Topic: {asked}}})
	if err != nil {
		return nil, err
	}
	found := answer.Topics[r.Topic][0]
	switch {
	case found.Error != nil:
		return nil, found.Error
	case asked.Timestamp == kafka.FirstOffset:
		return found.FirstOffset, nil
	case asked.Timestamp == kafka.LastOffset:
		return found.LastOffset, nil
	}
	for offset := range found.Offsets {
		if offset >= 0 {
			return offset, nil
		}
	}
	return nil, nil
}

// --- groups ---

// readPartition until the generation ends.
func readPartition(ctx context.Context, member *speak.Member, r speak.Request, generation *kafka.Generation, at kafka.PartitionAssignment) {
	partition, err := reader(r.Topic, at.ID, at.Offset)
	if err != nil {
		fmt.Fprintln(os.Stderr, r.Member, err)
		return
	}
	defer partition.Close()
	for {
		message, err := partition.ReadMessage(ctx)
		if err != nil {
			return
		}
		member.Add(string(message.Value))
		done := map[string]map[int]int64{r.Topic: {at.ID: message.Offset + 1}}
		if err := generation.CommitOffsets(done); err != nil {
			fmt.Fprintln(os.Stderr, r.Member, "commit:", err) // a rebalance: what was read comes again
		}
	}
}

func run(member *speak.Member, r speak.Request) error {
	dialer := &kafka.Dialer{ClientID: speak.ClientID, Timeout: 10 * time.Second, DualStack: true}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: r.Group, Brokers: []string{seed}, Dialer: dialer,
		Topics: []string{r.Topic}, HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 6 * time.Second,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 200 * time.Millisecond, StartOffset: kafka.FirstOffset})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-member.Stop; cancel() }()
	for {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			return group.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, r.Member, "next:", err) // while the service is away
			time.Sleep(100 * time.Millisecond)
			continue
		}
		var partitions []int32
		for _, one := range generation.Assignments[r.Topic] {
			partitions = append(partitions, int32(one.ID))
			generation.Start(func(ctx context.Context) { readPartition(ctx, member, r, generation, one) })
		}
		member.Assigned(partitions)
	}
}

// --- administration ---

// asked: the answer's error, or the one inside it.
func asked[Answer any](call func(context.Context) (Answer, error), inside func(Answer) error) error {
	ctx, cancel := soon()
	defer cancel()
	answer, err := call(ctx)
	if err == nil {
		err = inside(answer)
	}
	return err
}

func first(found map[string]error) error {
	for _, err := range found {
		if err != nil {
			return err
		}
	}
	return nil
}

func createTopic(r speak.Request) (any, error) {
	topic := kafka.TopicConfig{Topic: r.Topic, NumPartitions: r.Partitions, ReplicationFactor: 1}
	for name, value := range r.Configs {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	return nil, asked(func(ctx context.Context) (*kafka.CreateTopicsResponse, error) {
		return connect().CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	}, func(answer *kafka.CreateTopicsResponse) error { return first(answer.Errors) })
}

func describeConfigs(r speak.Request) (any, error) {
	values := map[string]string{}
	return values, asked(func(ctx context.Context) (*kafka.DescribeConfigsResponse, error) {
		return connect().DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: r.Topic}}})
	}, func(answer *kafka.DescribeConfigsResponse) error {
		for _, one := range answer.Resources[0].ConfigEntries {
			values[one.ConfigName] = one.ConfigValue
		}
		return answer.Resources[0].Error
	})
}

func alterConfig(r speak.Request) (any, error) {
	change := kafka.IncrementalAlterConfigsRequestConfig{Name: r.Name, Value: r.Value,
		ConfigOperation: kafka.ConfigOperationSet}
	return "incremental", asked(func(ctx context.Context) (*kafka.IncrementalAlterConfigsResponse, error) {
		return connect().IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
			Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic,
				ResourceName: r.Topic, Configs: []kafka.IncrementalAlterConfigsRequestConfig{change}}}})
	}, func(answer *kafka.IncrementalAlterConfigsResponse) error { return answer.Resources[0].Error })
}

func createPartitions(r speak.Request) (any, error) {
	return nil, asked(func(ctx context.Context) (*kafka.CreatePartitionsResponse, error) {
		return connect().CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
			Topics: []kafka.TopicPartitionsConfig{{Name: r.Topic, Count: int32(r.Total)}}})
	}, func(answer *kafka.CreatePartitionsResponse) error { return first(answer.Errors) })
}

func listGroups(speak.Request) (any, error) {
	names := []string{}
	return &names, asked(func(ctx context.Context) (*kafka.ListGroupsResponse, error) {
		return connect().ListGroups(ctx, &kafka.ListGroupsRequest{})
	}, func(answer *kafka.ListGroupsResponse) error {
		for _, one := range answer.Groups {
			names = append(names, one.GroupID)
		}
		return answer.Error
	})
}

func describeGroup(r speak.Request) (any, error) {
	described := &speak.Described{}
	return described, asked(func(ctx context.Context) (*kafka.DescribeGroupsResponse, error) {
		return connect().DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{r.Group}})
	}, func(answer *kafka.DescribeGroupsResponse) error {
		described.State = answer.Groups[0].GroupState
		for _, one := range answer.Groups[0].Members {
			member := speak.DescribedMember{Client: one.ClientID}
			for _, topic := range one.MemberAssignments.Topics {
				var partitions []int32
				for _, number := range topic.Partitions {
					partitions = append(partitions, int32(number))
				}
				member.Add(topic.Topic, partitions)
			}
			described.Members = append(described.Members, member)
		}
		return answer.Groups[0].Error
	})
}

func deleteOffsets(r speak.Request) (any, error) {
	return nil, asked(func(ctx context.Context) (*kafka.OffsetDeleteResponse, error) {
		return connect().OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: r.Group,
			Topics: map[string][]int{r.Topic: {int(r.Partition)}}})
	}, func(answer *kafka.OffsetDeleteResponse) error {
		return errors.Join(answer.Error, answer.Topics[r.Topic][0].Error)
	})
}

func deleteGroup(r speak.Request) (any, error) {
	return nil, asked(func(ctx context.Context) (*kafka.DeleteGroupsResponse, error) {
		return connect().DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{r.Group}})
	}, func(answer *kafka.DeleteGroupsResponse) error { return first(answer.Errors) })
}

func deleteTopic(r speak.Request) (any, error) {
	return nil, asked(func(ctx context.Context) (*kafka.DeleteTopicsResponse, error) {
		return connect().DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{r.Topic}})
	}, func(answer *kafka.DeleteTopicsResponse) error { return first(answer.Errors) })
}

func lacks(why string) func(speak.Request) (any, error) {
	return func(speak.Request) (any, error) { return nil, speak.NotThere(why) }
}

func main() {
	members := speak.Members{}
	calls := speak.Calls{"produce": produce, "start_producer": lacks(noIdempotence), "assign": assign,
		"offset_at": offsetAt, "create_topic": createTopic, "describe_configs": describeConfigs,
		"alter_config": alterConfig, "create_partitions": createPartitions, "list_groups": listGroups,
		"delete_records": lacks("kafka-go has no call for it"), "describe_group": describeGroup,
		"delete_offsets": deleteOffsets, "delete_group": deleteGroup, "delete_topic": deleteTopic,
		"join": func(r speak.Request) (any, error) {
			if r.Protocol == "consumer" {
				return nil, speak.NotThere("kafka-go has the classic group protocol only")
			}
			members.Join(r.Member, func(member *speak.Member) error { return run(member, r) })
			return nil, nil
		}}
	members.AddTo(calls)
	speak.Speak(calls, speak.VersionOf("github.com/segmentio/kafka-go"), map[string]string{
		"empty-key":       "an empty key is read as null",
		"empty-value":     "an empty value is read as null",
		"empty-header":    "an empty header is read as null",
		"foreign-members": "of its own members: it cannot read what members of librdkafka 2 tell about themselves"})
}

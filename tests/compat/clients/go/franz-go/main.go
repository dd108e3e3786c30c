// franz-go: kgo for records and groups, kadm for administration.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"client/speak"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

func connect(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(os.Getenv("BOOTSTRAP")), kgo.ClientID(speak.ClientID),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond })}, options...)...)
}

func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), speak.AnswerTimeout)
}

func produce(r speak.Request) (any, error) {
	client, err := connect(kgo.ProducerBatchCompression(codecs[r.Codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var records []*kgo.Record
	for _, one := range r.Records {
		record := &kgo.Record{Topic: r.Topic, Partition: one.Partition, Key: one.Key, Value: one.Value,
			Timestamp: time.UnixMilli(one.At)}
		for _, header := range one.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
		}
		records = append(records, record)
	}
	ctx, cancel := soon()
	defer cancel()
	return nil, client.ProduceSync(ctx, records...).FirstErr()
}

var sent = make(chan error, 1)

func startProducer(r speak.Request) (any, error) {
	client, err := connect(kgo.ProducerLinger(0))
	if err != nil {
		return nil, err
	}
	go func() {
		defer client.Close()
		errs := kgo.AbortingFirstErrPromise(client)
		for number := range r.Count {
			client.Produce(context.Background(), &kgo.Record{Topic: r.Topic, Value: fmt.Append(nil, number)}, errs.Promise())
			time.Sleep(time.Duration(r.PauseMs) * time.Millisecond)
		}
		sent <- errs.Err()
	}()
	return nil, nil
}

func endProducer(speak.Request) (any, error) { return nil, <-sent }

func assign(r speak.Request) (any, error) {
	start := map[int32]kgo.Offset{}
	for _, one := range r.Start {
		start[int32(one[0])] = kgo.NewOffset().At(one[1])
	}
	client, err := connect(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.Topic: start}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := soon()
	defer cancel()
	found := []speak.Record{}
	for len(found) < r.Count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(one *kgo.Record) {
			record := speak.Record{Key: one.Key, Value: one.Value, At: one.Timestamp.UnixMilli(), Partition: one.Partition,
				Offset: one.Offset, Headers: []speak.Header{}}
			for _, header := range one.Headers {
				record.Headers = append(record.Headers, speak.Header{Name: header.Key, Value: header.Value})
			}
			found = append(found, record)
		})
	}
	return found, nil
}

func run(member *speak.Member, r speak.Request) error {
	changed := func(came bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			member.Changed(partitions[r.Topic], came)
		}
	}
	options := []kgo.Opt{kgo.ConsumerGroup(r.Group), kgo.ConsumeTopics(r.Topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50 * time.Millisecond),
		kgo.OnPartitionsAssigned(changed(true)), kgo.OnPartitionsRevoked(changed(false)),
		kgo.OnPartitionsLost(changed(false))}
	if r.Protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	} else {
		options = append(options, kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond))
	}
	client, err := connect(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-member.Stop; cancel() }()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) { fmt.Fprintln(os.Stderr, r.Member, err) })
		fetches.EachRecord(func(one *kgo.Record) { member.Add(string(one.Value)) })
		if fetches.NumRecords() > 0 {
			if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, r.Member, "commit:", err) // a rebalance: what was read comes again
			}
		}
	}
	return nil
}

// --- administration ---

type admin struct{ *kadm.Client }

func (a admin) offsetAt(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	var found kadm.ListedOffsets
	var err error
	switch at := r.At.(type) {
	case float64:
		found, err = a.ListOffsetsAfterMilli(ctx, int64(at), r.Topic)
	case string:
		call := map[string]func(context.Context, ...string) (kadm.ListedOffsets, error){
			"earliest": a.ListStartOffsets, "latest": a.ListEndOffsets, "max": a.ListMaxTimestampOffsets}[at]
		found, err = call(ctx, r.Topic)
	}
	one, _ := found.Lookup(r.Topic, r.Partition)
	if err == nil {
		err = one.Err
	}
	if _, byTime := r.At.(float64); byTime && one.Timestamp < 0 { // kadm answers the end where nothing is later
		return nil, err
	}
	return one.Offset, err
}

func (a admin) createTopic(r speak.Request) (any, error) {
	configs := map[string]*string{}
	for name, value := range r.Configs {
		configs[name] = kadm.StringPtr(value)
	}
	ctx, cancel := soon()
	defer cancel()
	_, err := a.CreateTopic(ctx, int32(r.Partitions), 1, configs, r.Topic)
	return nil, err
}

func (a admin) describeConfigs(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.DescribeTopicConfigs(ctx, r.Topic)
	if err != nil {
		return nil, err
	}
	one, err := found.On(r.Topic, nil)
	values := map[string]string{}
	for _, config := range one.Configs {
		values[config.Key] = config.MaybeValue()
	}
	return values, err
}

func (a admin) alterConfig(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: r.Name, Value: kadm.StringPtr(r.Value)}}, r.Topic)
	if err != nil {
		return nil, err
	}
	one, err := found.On(r.Topic, nil)
	if err == nil {
		err = one.Err
	}
	return "incremental", err
}

func (a admin) createPartitions(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.UpdatePartitions(ctx, r.Total, r.Topic)
	if err != nil {
		return nil, err
	}
	return nil, found.Error()
}

func (a admin) deleteRecords(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	before := kadm.Offsets{}
	before.AddOffset(r.Topic, r.Partition, r.Before, -1)
	found, err := a.DeleteRecords(ctx, before)
	if err != nil {
		return nil, err
	}
	return nil, found.Error()
}

func (a admin) listGroups(speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.ListGroups(ctx)
	return found.Groups(), err
}

func (a admin) describeGroup(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.DescribeGroups(ctx, r.Group)
	if err != nil {
		return nil, err
	}
	group := found[r.Group]
	described := speak.Described{State: group.State}
	for _, one := range group.Members {
		member := speak.DescribedMember{Client: one.ClientID}
		if assigned, ok := one.Assigned.AsConsumer(); ok {
			for _, topic := range assigned.Topics {
				member.Add(topic.Topic, topic.Partitions)
			}
		}
		described.Members = append(described.Members, member)
	}
	return described, group.Err
}

func (a admin) deleteOffsets(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	gone := kadm.TopicsSet{}
	gone.Add(r.Topic, r.Partition)
	found, err := a.DeleteOffsets(ctx, r.Group, gone)
	if err != nil {
		return nil, err
	}
	return nil, found.Error()
}

func (a admin) deleteGroup(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.DeleteGroup(ctx, r.Group)
	if err == nil {
		err = found.Err
	}
	return nil, err
}

func (a admin) deleteTopic(r speak.Request) (any, error) {
	ctx, cancel := soon()
	defer cancel()
	found, err := a.DeleteTopic(ctx, r.Topic)
	if err == nil {
		err = found.Err
	}
	return nil, err
}

func main() {
	client, err := connect()
	if err != nil {
		panic(err)
	}
	members, a := speak.Members{}, admin{kadm.NewClient(client)}
	calls := speak.Calls{"produce": produce, "start_producer": startProducer, "end_producer": endProducer, "assign": assign,
		"offset_at": a.offsetAt, "create_topic": a.createTopic, "describe_configs": a.describeConfigs,
		"alter_config": a.alterConfig, "create_partitions": a.createPartitions, "delete_records": a.deleteRecords,
		"list_groups": a.listGroups, "describe_group": a.describeGroup, "delete_offsets": a.deleteOffsets,
		"delete_group": a.deleteGroup, "delete_topic": a.deleteTopic,
		"join": func(r speak.Request) (any, error) {
			members.Join(r.Member, func(member *speak.Member) error { return run(member, r) })
			return nil, nil
		}}
	members.AddTo(calls)
	speak.Speak(calls, speak.VersionOf("github.com/twmb/franz-go"), nil)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"histories/stelev1"
)

// One connection; appends of all its users go pipelined over one AppendStream.
type grpcClient struct {
	store stelev1.EventStoreClient
	mutex sync.Mutex
	calls *appendStream
	next  uint64
}

type appendStream struct {
	stream  grpc.BidiStreamingClient[stelev1.AppendStreamRequest, stelev1.AppendStreamResponse]
	cancel  context.CancelFunc
	pending []pendingAppend
	broken  bool
}

type pendingAppend struct {
	id     uint64
	answer chan *stelev1.AppendAnswer
}

func dial(with settings) (*grpc.ClientConn, error) {
	quick := backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.2, MaxDelay: 50 * time.Millisecond}
	return grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", with.grpcPort),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(64<<20)))
}

func newGrpcClient(with settings) (*grpcClient, error) {
	connection, err := dial(with)
	if err != nil {
		return nil, err
	}
	return &grpcClient{store: stelev1.NewEventStoreClient(connection)}, nil
}

func (c *grpcClient) append(call *appendCall) (answer, error) {
	waiting, err := c.send(appendRequest(call))
	if err != nil || waiting == nil {
		return answer{}, err
	}
	answered, delivered := <-waiting
	if !delivered {
		return answer{}, nil
	}
	return answerOf(answered)
}

// A nil channel: the connection broke while sending.
func (c *grpcClient) send(request *stelev1.AppendRequest) (chan *stelev1.AppendAnswer, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.calls == nil || c.calls.broken {
		ctx, cancel := context.WithCancel(context.Background())
		stream, err := c.store.AppendStream(ctx)
		if err != nil {
			cancel()
			if status.Code(err) == codes.Unavailable {
				return nil, nil
			}
			return nil, err
		}
		c.calls = &appendStream{stream: stream, cancel: cancel}
		go c.receive(c.calls)
	}
	c.next++
	waiting := pendingAppend{c.next, make(chan *stelev1.AppendAnswer, 1)}
	c.calls.pending = append(c.calls.pending, waiting)
	pipelined := &stelev1.PipelinedAppend{CorrelationId: c.next, Append: request}
	// If it fails, receive() finds out why and closes the channel.
	c.calls.stream.Send(&stelev1.AppendStreamRequest{Appends: []*stelev1.PipelinedAppend{pipelined}})
	return waiting.answer, nil
}

// Answers come in the order of the appends.
func (c *grpcClient) receive(calls *appendStream) {
	defer calls.cancel()
	for {
		response, err := calls.stream.Recv()
		c.mutex.Lock()
		if err != nil {
			calls.broken = true
			for _, one := range calls.pending {
				close(one.answer)
			}
			c.mutex.Unlock()
			return
		}
		for _, one := range response.GetAnswers() {
			if len(calls.pending) == 0 || calls.pending[0].id != one.GetCorrelationId() {
				panic(fmt.Sprintf("the answer to %d comes out of order", one.GetCorrelationId()))
			}
			calls.pending[0].answer <- one
			calls.pending = calls.pending[1:]
		}
		c.mutex.Unlock()
	}
}

func (c *grpcClient) read(stream string, limit int) (streamRead, bool, error) {
	most := uint64(limit)
	responses, err := c.store.Read(context.Background(), &stelev1.ReadRequest{
		Selection: streamSelection(stream),
		Direction: stelev1.Direction_DIRECTION_BACKWARD,
		EventsMax: &most,
	})
	var read streamRead
	for err == nil {
		var response *stelev1.ReadResponse
		if response, err = responses.Recv(); err != nil {
			break
		}
		if response.LastVersion != nil {
			read.count = int64(response.GetLastVersion()) + 1
		}
		for _, one := range response.GetBatch().GetEvents() {
			read.ids = append(read.ids, one.GetId())
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return read, true, nil
	case status.Code(err) == codes.NotFound:
		return streamRead{}, true, nil
	case status.Code(err) == codes.Unavailable:
		return streamRead{}, false, nil
	}
	return streamRead{}, false, err
}

func streamSelection(stream string) *stelev1.Selection {
	name := &stelev1.StreamName{Topic: topicOf(stream), Stream: []byte(stream)}
	return &stelev1.Selection{Of: &stelev1.Selection_Stream{Stream: name}}
}

func appendRequest(call *appendCall) *stelev1.AppendRequest {
	request := &stelev1.AppendRequest{}
	for _, one := range call.events {
		request.Events = append(request.Events, &stelev1.NewEvent{Topic: topicOf(one.stream), Stream: []byte(one.stream),
			Id: one.id, Type: "Happened", Tags: one.tags, Data: one.data})
	}
	for _, one := range call.expect {
		expected := &stelev1.ExpectedVersion{}
		switch one.kind {
		case expectNoStream:
			expected.Expected = &stelev1.ExpectedVersion_NoStream{NoStream: &emptypb.Empty{}}
		case expectExists:
			expected.Expected = &stelev1.ExpectedVersion_Exists{Exists: &emptypb.Empty{}}
		case expectExact:
			expected.Expected = &stelev1.ExpectedVersion_Exact{Exact: uint64(one.version)}
		}
		request.Expectations = append(request.Expectations,
			&stelev1.StreamExpectation{Topic: topicOf(one.stream), Stream: []byte(one.stream), Expected: expected})
	}
	for _, one := range call.conditions {
		query := &stelev1.Query{}
		for _, tag := range one.tags {
			query.Items = append(query.Items, &stelev1.QueryItem{Tags: []string{tag}})
		}
		made := &stelev1.AppendCondition{FailIfEventsMatch: query}
		if one.after >= 0 {
			after := uint64(one.after)
			made.After = &after
		}
		request.Conditions = append(request.Conditions, made)
	}
	return request
}

func answerOf(from *stelev1.AppendAnswer) (answer, error) {
	if done := from.GetAppended(); done != nil {
		made := answer{verdict: applied, duplicate: done.GetDuplicate()}
		for i := range done.GetPositions() {
			made.positions = append(made.positions, int64(done.GetPositions()[i]))
			made.versions = append(made.versions, int64(done.GetVersions()[i]))
		}
		return made, nil
	}
	refusal := from.GetRefusal()
	made := answer{verdict: refused}
	for _, one := range refusal.GetExpectations() {
		actual := int64(-1)
		if one.Actual != nil {
			actual = int64(one.GetActual())
		}
		made.expectations = append(made.expectations, failedExpectation{int(one.GetIndex()), actual})
	}
	for _, one := range refusal.GetConditions() {
		made.conditions = append(made.conditions, failedCondition{int(one.GetIndex()), int(one.GetItem()), int64(one.GetConflictPosition())})
	}
	switch refusal.GetReason() {
	case stelev1.Reason_REASON_WRONG_VERSION, stelev1.Reason_REASON_CONDITION_FAILED:
		return made, nil
	case stelev1.Reason_REASON_OUTCOME_UNKNOWN:
		return answer{}, nil
	}
	return made, fmt.Errorf("refused: %v %s", refusal.GetReason(), refusal.GetMessage())
}

func createTopics(with settings) error {
	connection, err := dial(with)
	if err != nil {
		return err
	}
	defer connection.Close()
	for i := range topicCount {
		partitions := uint32(1 + i)
		_, err := stelev1.NewAdminClient(connection).CreateTopic(context.Background(),
			&stelev1.CreateTopicRequest{Name: fmt.Sprintf("t%d", i), PartitionCount: &partitions})
		if err != nil {
			return err
		}
	}
	return nil
}

// Everything that is there, with versions.
func everything(with settings) ([]recorded, error) {
	connection, err := dial(with)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	responses, err := stelev1.NewEventStoreClient(connection).Read(context.Background(), &stelev1.ReadRequest{
		Selection: &stelev1.Selection{Of: &stelev1.Selection_All{All: &emptypb.Empty{}}}, Versions: true})
	var log []recorded
	for err == nil {
		var response *stelev1.ReadResponse
		if response, err = responses.Recv(); err != nil {
			break
		}
		for _, one := range response.GetBatch().GetEvents() {
			log = append(log, recorded{position: int64(one.GetPosition()), version: int64(one.GetVersion()),
				recordedUs: int64(one.GetRecordedUs()), id: one.GetId(), stream: string(one.GetStream()), tags: one.GetTags()})
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return log, nil
}

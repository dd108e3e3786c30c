// The event store through stubs that protoc-gen-go and protoc-gen-go-grpc made: client ADDRESS TOPIC. Each step that
// holds is a line `ok STEP`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	stele "stele/v1"
)

const (
	secondsMax     = 20
	pipelinedCount = 500
	refusedAt      = 250
)

var (
	topic      string
	connection *grpc.ClientConn
	store      stele.EventStoreClient
	admin      stele.AdminClient
	noStream   = &stele.ExpectedVersion{Expected: &stele.ExpectedVersion_NoStream{NoStream: &emptypb.Empty{}}}
)

func exact(version uint64) *stele.ExpectedVersion {
	return &stele.ExpectedVersion{Expected: &stele.ExpectedVersion_Exact{Exact: version}}
}

// must ends the program: a step does not hold.
func must(holds bool, what ...any) {
	if !holds {
		panic(fmt.Sprint(what...))
	}
}

func mustNot(err error) { must(err == nil, err) }

func appendOf(stream string, expected *stele.ExpectedVersion, types ...string) *stele.AppendRequest {
	request := &stele.AppendRequest{Topic: topic}
	for _, name := range types {
		request.Events = append(request.Events, &stele.NewEvent{Stream: []byte(stream), Type: name,
			Data: []byte(`{"n":1}`), ContentType: "application/json", Tags: []string{"shop:1", "größe"}})
	}
	if expected != nil {
		request.Expectations = []*stele.StreamExpectation{{Stream: []byte(stream), Expected: expected}}
	}
	return request
}

func appended(ctx context.Context, request *stele.AppendRequest) *stele.Appended {
	answer, err := store.Append(ctx, request)
	mustNot(err)
	must(answer.GetAppended() != nil, answer)
	return answer.GetAppended()
}

// refusalOf gives the Refusal among the details of google.rpc.Status, and the other details.
func refusalOf(err error, code codes.Code) (*stele.Refusal, []any) {
	told, known := status.FromError(err)
	must(known && told.Code() == code, err)
	details := told.Details()
	must(len(details) > 0, "no details: ", err)
	refusal, known := details[0].(*stele.Refusal)
	must(known && refusal.Message == told.Message(), details)
	return refusal, details[1:]
}

func health(ctx context.Context) {
	for _, service := range []string{"", "stele.v1.EventStore", "stele.v1.Admin"} {
		request := &grpc_health_v1.HealthCheckRequest{Service: service}
		answer, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, request)
		mustNot(err)
		must(answer.Status == grpc_health_v1.HealthCheckResponse_SERVING, service, answer)
	}
}

func reflection(ctx context.Context) {
	stream, err := grpc_reflection_v1alpha.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	mustNot(err)
	mustNot(stream.Send(&grpc_reflection_v1alpha.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1alpha.ServerReflectionRequest_ListServices{}}))
	answer, err := stream.Recv()
	mustNot(err)
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.Name)
	}
	must(slices.Contains(names, "stele.v1.EventStore") && slices.Contains(names, "stele.v1.Admin"), names)
}

func createTopic(ctx context.Context) {
	request := &stele.CreateTopicRequest{Name: topic, PartitionCount: proto.Uint32(3)}
	answer, err := admin.CreateTopic(ctx, request)
	mustNot(err)
	must(answer.Topic.PartitionCount == 3, answer)
	_, err = admin.CreateTopic(ctx, request)
	refusal, _ := refusalOf(err, codes.AlreadyExists)
	must(refusal.Reason == stele.Reason_REASON_ALREADY_EXISTS, refusal)
}

func expectedVersion(ctx context.Context) {
	first := appended(ctx, appendOf("order/1", noStream, "Placed", "Paid"))
	must(slices.Equal(first.Versions, []uint64{0, 1}) && first.Token != "", first)
	again := appendOf("order/1", exact(1), "Shipped")
	must(slices.Equal(appended(ctx, again).Versions, []uint64{2}), "not version 2")
	_, err := store.Append(ctx, again)
	refusal, _ := refusalOf(err, codes.Aborted)
	must(refusal.Reason == stele.Reason_REASON_WRONG_VERSION && refusal.Expectations[0].GetActual() == 2, refusal)
	_, err = store.Append(ctx, appendOf("nobody", exact(0), "X"))
	refusal, _ = refusalOf(err, codes.Aborted)
	must(refusal.Expectations[0].Actual == nil, refusal)
}

func condition(ctx context.Context) {
	query := &stele.Query{Items: []*stele.QueryItem{
		{Types: []string{"Paid"}, Tags: []string{"größe"}, Topics: []string{topic}}}}
	request := appendOf("c", nil, "X")
	request.Conditions = []*stele.AppendCondition{{FailIfEventsMatch: query}}
	_, err := store.Append(ctx, request)
	refusal, _ := refusalOf(err, codes.Aborted)
	must(refusal.Reason == stele.Reason_REASON_CONDITION_FAILED, refusal)
	position := refusal.Conditions[0].ConflictPosition
	request.ReturnConflicts = true
	answer, err := store.Append(ctx, request)
	mustNot(err)
	conflicts := answer.GetRefusal().GetConflicts().GetEvents()
	must(len(conflicts) == 1 && conflicts[0].Type == "Paid" && conflicts[0].Position == position, answer)
	request.Conditions[0].After = proto.Uint64(position)
	must(slices.Equal(appended(ctx, request).Versions, []uint64{0}), "not version 0")
}

func malformed(ctx context.Context) {
	request := appendOf("s", nil, "X")
	request.Events[0].Tags = []string{"fine", ""}
	_, err := store.Append(ctx, request)
	refusal, others := refusalOf(err, codes.InvalidArgument)
	must(refusal.Reason == stele.Reason_REASON_INVALID && refusal.Field == "events[0].tags[1]", refusal)
	bad, known := others[0].(*errdetails.BadRequest)
	must(known && bad.FieldViolations[0].Field == refusal.Field, others)
}

// pipelined sends all before it reads the first answer; the one that is refused does not end the stream.
func pipelined(ctx context.Context) {
	stream, err := store.AppendStream(ctx)
	mustNot(err)
	for number := uint64(0); number < pipelinedCount; number++ {
		request := appendOf("pipe", nil, "Step")
		if number == refusedAt {
			request = appendOf("pipe", exact(7_000_000), "Step")
		}
		mustNot(stream.Send(&stele.AppendStreamRequest{
			Appends: []*stele.PipelinedAppend{{CorrelationId: number + 10, Append: request}}}))
	}
	mustNot(stream.CloseSend())
	next, version := uint64(0), uint64(0)
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		mustNot(err)
		for _, answer := range message.Answers {
			must(answer.CorrelationId == next+10, answer)
			if next == refusedAt {
				must(answer.GetRefusal().GetExpectations()[0].GetActual() == refusedAt-1, answer)
			} else {
				must(answer.GetAppended().GetVersions()[0] == version, answer)
				version++
			}
			next++
		}
	}
	must(next == pipelinedCount, next)
}

func read(ctx context.Context, request *stele.ReadRequest) []*stele.RecordedEvent {
	stream, err := store.Read(ctx, request)
	mustNot(err)
	var events []*stele.RecordedEvent
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return events
		}
		mustNot(err)
		events = append(events, part.GetBatch().GetEvents()...)
	}
}

func streamSelection(name string) *stele.Selection {
	return &stele.Selection{Of: &stele.Selection_Stream{Stream: &stele.StreamName{Topic: topic, Stream: []byte(name)}}}
}

func readBackward(ctx context.Context) {
	events := read(ctx, &stele.ReadRequest{Selection: streamSelection("pipe"),
		Direction: stele.Direction_DIRECTION_BACKWARD})
	must(len(events) == pipelinedCount-1, len(events))
	for i, event := range events {
		must(event.GetVersion() == uint64(pipelinedCount-2-i) && string(event.Data) == `{"n":1}`, event)
	}
}

func query(ctx context.Context) {
	query := &stele.Query{Items: []*stele.QueryItem{{Types: []string{"Placed", "Paid"},
		Tags: []string{"größe"}, Topics: []string{topic}}}}
	selection := &stele.Selection{Of: &stele.Selection_Query{Query: query}}
	events := read(ctx, &stele.ReadRequest{Selection: selection, Versions: true})
	must(len(events) == 2 && events[1].Type == "Paid" && events[1].GetVersion() == 1, events)
	must(string(events[0].Stream) == "order/1", events)
}

// batchOf waits for a batch; what else comes is handed to `other`.
func batchOf(stream grpc.ServerStreamingClient[stele.SubscribeResponse], other func(*stele.SubscribeResponse)) (
	[]*stele.RecordedEvent, string) {
	for {
		message, err := stream.Recv()
		mustNot(err)
		if batch := message.GetBatch(); batch != nil {
			return batch.Events, message.Token
		}
		other(message)
	}
}

// subscription reads the history, is told that it caught up, reads what comes live; another one goes on behind the token.
func subscription(ctx context.Context) {
	first, cancel := context.WithCancel(ctx)
	defer cancel()
	live, err := store.Subscribe(first, &stele.SubscribeRequest{Selection: streamSelection("order/1")})
	mustNot(err)
	var events []*stele.RecordedEvent
	token, caughtUp := "", 0
	for len(events) < 4 {
		got, behind := batchOf(live, func(message *stele.SubscribeResponse) {
			if message.GetCaughtUp() != nil {
				caughtUp++
				appended(ctx, appendOf("order/1", exact(2), "Live"))
			}
		})
		events = append(events, got...)
		if len(events) == 3 {
			token = behind
		}
	}
	must(caughtUp == 1 && events[3].Type == "Live" && events[3].GetVersion() == 3, caughtUp, events)
	resumed, err := store.Subscribe(first, &stele.SubscribeRequest{Selection: streamSelection("order/1"),
		From: &stele.ReadFrom{Place: &stele.ReadFrom_Token{Token: token}}})
	mustNot(err)
	got, _ := batchOf(resumed, func(message *stele.SubscribeResponse) { panic(message) })
	must(len(got) == 1 && got[0].GetVersion() == 3, got)
}

func limitsAndTombstone(ctx context.Context) {
	name := []byte("pipe")
	limits := &stele.StreamLimits{TruncateBefore: proto.Uint64(pipelinedCount - 10)}
	_, err := store.SetStreamLimits(ctx, &stele.SetStreamLimitsRequest{Topic: topic, Stream: name, Limits: limits})
	mustNot(err)
	told, err := store.GetStream(ctx, &stele.GetStreamRequest{Topic: topic, Stream: name})
	mustNot(err)
	must(told.GetFirstVersion() == pipelinedCount-10 && told.GetLastVersion() == pipelinedCount-2, told)
	_, err = store.Tombstone(ctx, &stele.TombstoneRequest{Topic: topic, Stream: name, Expected: exact(pipelinedCount - 2)})
	mustNot(err)
	_, err = store.Append(ctx, appendOf("pipe", nil, "X"))
	refusal, _ := refusalOf(err, codes.FailedPrecondition)
	must(refusal.Reason == stele.Reason_REASON_TOMBSTONED, refusal)
}

func main() {
	var err error
	topic = os.Args[2]
	connection, err = grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	mustNot(err)
	store, admin = stele.NewEventStoreClient(connection), stele.NewAdminClient(connection)
	fmt.Println("version grpc-go", grpc.Version)
	steps := []struct {
		name string
		do   func(context.Context)
	}{{"health", health}, {"reflection", reflection}, {"create_topic", createTopic}, {"expected_version", expectedVersion},
		{"condition", condition}, {"malformed", malformed}, {"pipelined", pipelined}, {"read_backward", readBackward},
		{"query", query}, {"subscription", subscription}, {"limits_and_tombstone", limitsAndTombstone}}
	for _, step := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), secondsMax*time.Second)
		step.do(ctx)
		cancel()
		fmt.Println("ok", step.name)
	}
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"histories/stelev1"
)

// Subscribers beside appenders, on a service that is killed in the first half of the run. Each resumes from the newest token
// that it was told, and has to get every event of its choice once, in order. Slow ones stop taking events once they have
// caught up: they fall behind, and miss nothing either.

const (
	appenders       = 8
	eventsOfAppend  = 10
	streamsFollowed = 24
	rareEvery       = 5000
	lastEvent       = "the-last"
	drainLongest    = 60 * time.Second
)

// More of it than sockets hold, so that who does not take it falls behind.
var dataOfEvent = bytes.Repeat([]byte("x"), 1500)

type resumeRun struct {
	with     settings
	service  *steled
	store    stelev1.EventStoreClient
	appended atomic.Int64
	resting  atomic.Int64 // slow subscribers that have caught up for good
	ended    atomic.Bool
}

func (r *resumeRun) killsAreOver() bool { return r.service.kills.Load() >= int64(r.with.kills) }

type subscriber struct {
	name   string
	open   opener
	wants  func(recorded) bool
	slow   bool
	run    *resumeRun
	random *rand.Rand

	token       string
	got         []place
	told        map[string]int // by kind
	connections int
}

// Reads until the last event, over as many connections as it takes.
func (s *subscriber) follow() error {
	for {
		lasting := s.run.killsAreOver()
		connection, err := s.open(s.token)
		if err == nil {
			s.connections++
			var done bool
			done, err = s.take(connection, lasting)
			connection.close()
			if done {
				return nil
			}
		}
		if err != nil && !errors.Is(err, errBroken) {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err != nil {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// True: the last event has come. Otherwise the connection is over; now and then the subscriber lets go of it by itself.
// `lasting`: no kill will break it.
func (s *subscriber) take(connection source, lasting bool) (bool, error) {
	most := len(s.got) + 1000 + s.random.IntN(8000)
	for {
		made, err := connection.next()
		if err != nil {
			return false, err
		}
		for _, one := range made.events {
			if len(s.got) > 0 && one.position <= s.got[len(s.got)-1].position {
				return false, fmt.Errorf("position %d comes behind %d", one.position, s.got[len(s.got)-1].position)
			}
			s.got = append(s.got, one)
		}
		s.token = made.token
		s.told[made.kind]++
		if len(s.got) > 0 && s.got[len(s.got)-1].id == lastEvent {
			return true, nil
		}
		if made.kind == "fell-behind" || s.letsGo(most, lasting) {
			return false, nil
		}
		if made.kind == "caught-up" && s.slow {
			s.rest(lasting)
		}
	}
}

func (s *subscriber) letsGo(most int, lasting bool) bool {
	if s.slow {
		return !lasting && s.run.killsAreOver()
	}
	return len(s.got) >= most
}

// While there are kills, for a moment; then until everything is appended.
func (s *subscriber) rest(lasting bool) {
	if lasting && s.told["fell-behind"] == 0 {
		s.run.resting.Add(1)
	}
	seen := s.run.appended.Load()
	for !s.run.ended.Load() && (lasting || (s.run.appended.Load() < seen+500 && !s.run.killsAreOver())) {
		time.Sleep(time.Millisecond)
	}
}

func (s *subscriber) check(log []recorded) error {
	var wanted []place
	for _, one := range log {
		if s.wants(one) {
			wanted = append(wanted, place{one.position, one.id})
		}
	}
	if slices.Equal(wanted, s.got) {
		return nil
	}
	for i, one := range wanted {
		if i >= len(s.got) || s.got[i] != one {
			return fmt.Errorf("%s: %s at position %d was not told; told were %d of %d", s.name, one.id, one.position, len(s.got),
				len(wanted))
		}
	}
	return fmt.Errorf("%s: more was told than there is", s.name)
}

func hasTag(tag string) func(recorded) bool {
	return func(one recorded) bool { return slices.Contains(one.tags, tag) }
}

func (r *resumeRun) subscribers() []*subscriber {
	base := strings.Replace(baseOf(r.with), "http:", "ws:", 1)
	lines := func(path, query string) opener { return serverSentEvents(baseOf(r.with)+path, query) }
	stream := streamFollowed(0)
	topic := topicOf(stream)
	ofTopic := func(one recorded) bool { return topicOf(one.stream) == topic }
	ofStream := func(one recorded) bool { return one.stream == stream }
	all := func(recorded) bool { return true }
	everything := &stelev1.Selection{Of: &stelev1.Selection_All{All: &emptypb.Empty{}}}
	made := []*subscriber{
		{name: "sse all", open: lines("/v1/events", ""), wants: all},
		{name: "sse topic", open: lines("/v1/topics/"+topic+"/events", ""), wants: ofTopic},
		{name: "sse stream", open: lines("/v1/topics/"+topic+"/streams/"+stream, ""), wants: ofStream},
		{name: "sse tag", open: lines("/v1/events?tag=rare", ""), wants: hasTag("rare")},
		{name: "sse query", open: lines("/v1/events/query", `{"query":{"items":[{"tags":["even"]},{"tags":["rare"]}]}}`),
			wants: func(one recorded) bool { return len(one.tags) > 0 }},
		{name: "websocket all", open: webSocket(base + "/v1/events"), wants: all},
		{name: "websocket stream", open: webSocket(base + "/v1/topics/" + topic + "/streams/" + stream), wants: ofStream},
		{name: "grpc all", open: overGrpc(r.store, everything), wants: all},
		{name: "grpc topic", open: overGrpc(r.store, &stelev1.Selection{Of: &stelev1.Selection_Topic{Topic: topic}}), wants: ofTopic},
		{name: "grpc stream", open: overGrpc(r.store, streamSelection(stream)), wants: ofStream},
		{name: "grpc tag", open: overGrpc(r.store, &stelev1.Selection{Of: &stelev1.Selection_Tag{Tag: "rare"}}), wants: hasTag("rare")},
		{name: "slow sse", open: lines("/v1/events", ""), wants: all, slow: true},
		{name: "slow websocket", open: webSocket(base + "/v1/events"), wants: all, slow: true},
		{name: "slow grpc", open: overGrpc(r.store, everything), wants: all, slow: true},
	}
	for i, one := range made {
		one.run, one.told, one.random = r, map[string]int{}, rand.New(rand.NewPCG(r.with.seed, uint64(i)))
	}
	return made
}

func streamFollowed(number int) string { return fmt.Sprintf("r-%d", number) }

func (r *resumeRun) event(number int64) event {
	made := event{id: fmt.Sprintf("e-%d", number), stream: streamFollowed(int(number) % streamsFollowed), data: dataOfEvent}
	if number%2 == 0 {
		made.tags = append(made.tags, "even")
	}
	if number%rareEvery == 0 {
		made.tags = append(made.tags, "rare")
	}
	return made
}

// What breaks is sent again, with the same ids: it is in the log once.
func (r *resumeRun) appendUntilDone(connection *grpcClient, call *appendCall) error {
	for {
		got, err := connection.append(call)
		if err != nil || got.verdict == applied {
			return err
		}
	}
}

// The second half waits until all slow subscribers rest, so that each falls behind.
func (r *resumeRun) appendPart(connection *grpcClient, next *atomic.Int64, slow int64) error {
	for {
		first := next.Add(eventsOfAppend) - eventsOfAppend
		if first >= int64(r.with.operations) {
			return nil
		}
		for first > int64(r.with.operations)/2 && r.resting.Load() < slow {
			time.Sleep(time.Millisecond)
		}
		call := &appendCall{}
		for number := first; number < first+eventsOfAppend; number++ {
			call.events = append(call.events, r.event(number))
		}
		if err := r.appendUntilDone(connection, call); err != nil {
			return err
		}
		r.appended.Add(eventsOfAppend)
	}
}

func (r *resumeRun) append(slow int64) error {
	connection, err := newGrpcClient(r.with)
	if err != nil {
		return err
	}
	var next atomic.Int64
	var running sync.WaitGroup
	failures := make(chan error, appenders)
	for range appenders {
		running.Go(func() {
			if err := r.appendPart(connection, &next, slow); err != nil {
				failures <- err
			}
		})
	}
	running.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	last := event{id: lastEvent, stream: streamFollowed(0), tags: []string{"even", "rare"}}
	err = r.appendUntilDone(connection, &appendCall{events: []event{last}})
	r.ended.Store(true)
	return err
}

func resume(with settings) (string, error) {
	service, err := startSteled(with)
	if err != nil {
		return "", err
	}
	defer service.stop()
	if err := createTopics(with); err != nil {
		return "", err
	}
	connection, err := dial(with)
	if err != nil {
		return "", err
	}
	run := &resumeRun{with: with, service: service, store: stelev1.NewEventStoreClient(connection)}
	subscribers := run.subscribers()
	if err := run.everyone(subscribers); err != nil {
		return "", err
	}
	log, err := everything(with)
	if err != nil {
		return "", err
	}
	told, connections := map[string]int{}, 0
	for _, one := range subscribers {
		if err := one.check(log); err != nil {
			return "", err
		}
		if one.told["caught-up"] == 0 {
			return "", fmt.Errorf("%s was never told that it had caught up", one.name)
		}
		if one.slow && one.told["fell-behind"] == 0 {
			return "", fmt.Errorf("%s was never told that it fell behind: %v", one.name, one.told)
		}
		for kind, count := range one.told {
			told[kind] += count
		}
		connections += one.connections
	}
	if told["checkpoint"] == 0 {
		return "", errors.New("nobody was told a checkpoint")
	}
	return fmt.Sprintf("events=%d subscribers=%d connections=%d kills=%d told=%v", len(log), len(subscribers), connections,
		service.kills.Load(), told), nil
}

// Appends, kills and follows, all at once.
func (r *resumeRun) everyone(subscribers []*subscriber) error {
	results := make(chan error, len(subscribers)+2)
	slow := int64(0)
	for _, one := range subscribers {
		if one.slow {
			slow++
		}
		go func() { results <- one.follow() }()
	}
	go func() { results <- r.append(slow) }()
	go func() { results <- r.service.killAlong(r.appended.Load, int64(r.with.operations)/2, nil) }()
	late := time.NewTimer(drainLongest + time.Duration(r.with.operations)*time.Millisecond)
	defer late.Stop()
	for range cap(results) {
		select {
		case err := <-results:
			if err != nil {
				return err
			}
		case <-late.C:
			return fmt.Errorf("not over in time: %s", progress(subscribers))
		}
	}
	return nil
}

func progress(subscribers []*subscriber) string {
	var lines []string
	for _, one := range subscribers {
		lines = append(lines, fmt.Sprintf("%s: %d events, %v", one.name, len(one.got), one.told))
	}
	return strings.Join(lines, "\n")
}

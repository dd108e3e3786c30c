package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Workers decide on what their transport's workers have seen last, as services with a cache do, and get in each other's way:
// there are few streams and tags at a time.

const (
	grpcConnections     = 4
	workersOfConnection = 8
	httpWorkers         = 24
	streamsAtATime      = 64
	operationsOfStream  = 60 // about; then come other streams
	pageOfRead          = 40
)

func topicOf(stream string) string {
	sum := fnv.New32a()
	sum.Write([]byte(stream))
	return fmt.Sprintf("t%d", sum.Sum32()%topicCount)
}

// What the workers of one transport have seen: the highest version and position that each stream and tag had.
type knowledge struct {
	mutex sync.Mutex
	count map[string]int64 // by stream
	last  map[string]int64 // by tag
}

func newKnowledge() *knowledge {
	return &knowledge{count: map[string]int64{}, last: map[string]int64{}}
}

func (k *knowledge) countOf(stream string) int64 {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.count[stream]
}

// -1: no event is known.
func (k *knowledge) lastOf(tag string) int64 {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if position, known := k.last[tag]; known {
		return position
	}
	return -1
}

func (k *knowledge) learnCount(stream string, count int64) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.count[stream] = max(k.count[stream], count)
}

func (k *knowledge) learnLast(tag string, position int64) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.last[tag] = max(k.last[tag], position)
}

type worker struct {
	name    string
	client  client
	history *history
	seen    *knowledge
	wanted  int64
	random  *rand.Rand
	made    int
	epoch   int64
}

func (w *worker) run() error {
	for {
		done := w.history.done.Load()
		if done >= w.wanted {
			return nil
		}
		w.epoch = done / (streamsAtATime * operationsOfStream)
		if err := w.once(); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
}

func (w *worker) once() error {
	switch choice := w.random.IntN(10); {
	case choice < 3:
		return w.read()
	case choice < 7:
		return w.call(w.expecting())
	default:
		return w.call(w.conditional())
	}
}

func (w *worker) stream() string {
	return fmt.Sprintf("s-%d-%d", w.epoch, w.random.IntN(streamsAtATime))
}
func (w *worker) tag() string { return fmt.Sprintf("g-%d-%d", w.epoch, w.random.IntN(streamsAtATime)) }

func (w *worker) event(stream string) event {
	w.made++
	return event{id: fmt.Sprintf("%s-%d", w.name, w.made), stream: stream, tags: []string{w.tag()}}
}

func (w *worker) expectation(stream string) expectation {
	count := w.seen.countOf(stream)
	if count == 0 {
		return expectation{stream, expectNoStream, 0}
	}
	if w.random.IntN(8) == 0 {
		return expectation{stream, expectExists, 0}
	}
	return expectation{stream, expectExact, count - 1}
}

// One or two events of a stream, sometimes one of another, and sometimes a stream that is only looked at.
func (w *worker) expecting() *appendCall {
	first, second := w.stream(), w.stream()
	call := &appendCall{events: []event{w.event(first)}, expect: []expectation{w.expectation(first)}}
	if w.random.IntN(4) == 0 {
		call.events = append(call.events, w.event(first))
	}
	if second == first {
		return call
	}
	switch w.random.IntN(6) {
	case 0:
		call.events = append(call.events, w.event(second))
		call.expect = append(call.expect, w.expectation(second))
	case 1:
		call.expect = append(call.expect, w.expectation(second))
	}
	return call
}

// Fails if one of its tags was used behind what the worker knows; its event has the first of them.
func (w *worker) conditional() *appendCall {
	made := w.event(w.stream())
	watched := condition{tags: []string{made.tags[0]}, after: w.seen.lastOf(made.tags[0])}
	if other := w.tag(); other != made.tags[0] && w.random.IntN(4) == 0 {
		watched.tags = append(watched.tags, other)
		watched.after = min(watched.after, w.seen.lastOf(other))
	}
	return &appendCall{events: []event{made}, conditions: []condition{watched}}
}

// What breaks is sent again with the same ids, or left open.
func (w *worker) call(call *appendCall) error {
	made := operation{began: w.history.now(), call: call, ended: forever}
	for {
		got, err := w.client.append(call)
		if err != nil {
			return err
		}
		if got.verdict == applied && (len(got.positions) != len(call.events) || len(got.versions) != len(call.events)) {
			return fmt.Errorf("%d positions for %d events", len(got.positions), len(call.events))
		}
		made.answer = got
		if got.verdict != unknown {
			made.ended = w.history.now()
			break
		}
		if w.random.IntN(2) == 0 {
			w.history.open.Add(1)
			break
		}
		w.history.retried.Add(1)
	}
	if made.answer.verdict == refused {
		w.history.refusals.Add(1)
	}
	w.learn(call, made.answer)
	w.history.add(made)
	return nil
}

func (w *worker) learn(call *appendCall, got answer) {
	for i := range got.positions {
		w.seen.learnCount(call.events[i].stream, got.versions[i]+1)
		for _, tag := range call.events[i].tags {
			w.seen.learnLast(tag, got.positions[i])
		}
	}
	for _, one := range got.expectations {
		w.seen.learnCount(call.expect[one.index].stream, one.actual+1)
	}
	for _, one := range got.conditions {
		w.seen.learnLast(call.conditions[one.index].tags[one.item], one.position)
	}
}

func (w *worker) read() error {
	stream, limit := w.stream(), 1
	if w.random.IntN(4) == 0 {
		limit = pageOfRead
	}
	made := operation{began: w.history.now(), stream: stream}
	got, answered, err := w.client.read(stream, limit)
	if err != nil || !answered {
		return err
	}
	made.ended, made.read = w.history.now(), got
	w.seen.learnCount(stream, got.count)
	w.history.add(made)
	return nil
}

func workersOf(with settings, history *history) ([]*worker, error) {
	var workers []*worker
	add := func(kind string, of client, seen *knowledge) {
		number := len(workers)
		workers = append(workers, &worker{name: fmt.Sprintf("%s%d", kind, number), client: of, history: history, seen: seen,
			wanted: int64(with.operations), random: rand.New(rand.NewPCG(with.seed, uint64(number)))})
	}
	overGrpc := newKnowledge()
	for range grpcConnections {
		connection, err := newGrpcClient(with)
		if err != nil {
			return nil, err
		}
		for range workersOfConnection {
			add("grpc", connection, overGrpc)
		}
	}
	overHttp, seen := newHttpClient(with), newKnowledge()
	for range httpWorkers {
		add("http", overHttp, seen)
	}
	return workers, nil
}

func runWorkers(workers []*worker) error {
	failures := make(chan error, len(workers))
	var running sync.WaitGroup
	for _, one := range workers {
		running.Go(func() {
			if err := one.run(); err != nil {
				failures <- err
			}
		})
	}
	running.Wait()
	close(failures)
	return <-failures
}

func linearize(with settings) (string, error) {
	service, err := startSteled(with)
	if err != nil {
		return "", err
	}
	defer service.stop()
	if err := createTopics(with); err != nil {
		return "", err
	}
	history := &history{start: time.Now()}
	workers, err := workersOf(with, history)
	if err != nil {
		return "", err
	}
	finished := make(chan struct{})
	killed := make(chan error, 1)
	go func() { killed <- service.killAlong(history.done.Load, int64(with.operations), finished) }()
	err = runWorkers(workers)
	close(finished)
	if failed := <-killed; err == nil {
		err = failed
	}
	if err != nil {
		return "", err
	}
	called := time.Since(history.start)
	log, err := everything(with)
	if err != nil {
		return "", err
	}
	if err := compareLines(with, log); err != nil {
		return "", err
	}
	if err := check(history.operations, log); err != nil {
		return "", err
	}
	return fmt.Sprintf("operations=%d events=%d refused=%d kills=%d open=%d retried=%d called_seconds=%.1f", len(history.operations),
		len(log), history.refusals.Load(), service.kills.Load(), history.open.Load(), history.retried.Load(), called.Seconds()), nil
}

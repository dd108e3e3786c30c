// nats-load ADDRESS MODE SECONDS IN_FLIGHT BATCH   One kind of load for NATS JetStream; one JSON line.
//
//	append    one event of 100 B, the last sequence of its subject expected
//	batch     BATCH events in one atomic publish
//	fill      1,000 subjects with 10 events each, scattered
//	read-ten  the ten events of one of those subjects (batched direct get)
//	read-all  everything, at most a million events, once (ordered consumer)
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream       = "EVENTS"
	subjectsEach = 64
	tenSubjects  = 1000
	readMax      = 1_000_000
)

type load struct {
	connection *nats.Conn
	jet        jetstream.JetStream
	seconds    time.Duration
	inFlight   int
	batch      int
}

var (
	always = context.Background()
	data   = bytes.Repeat([]byte("x"), 100)
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func report(times []float64, events int, seconds float64) {
	sort.Float64s(times)
	us := func(part float64) float64 { return times[min(len(times)-1, int(part*float64(len(times))))] * 1e6 }
	fmt.Printf("{\"operations\":%d,\"events\":%d,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
		len(times), events, seconds, us(0.5), us(0.99))
}

// workers runs `one` by as many workers as are to be in flight, until the time is up.
func (l load) workers(one func(worker, turn int)) []float64 {
	var all []float64
	var mutex sync.Mutex
	var running sync.WaitGroup
	end := time.Now().Add(l.seconds)
	for worker := range l.inFlight {
		running.Add(1)
		go func() {
			defer running.Done()
			var times []float64
			for turn := 0; time.Now().Before(end); turn++ {
				began := time.Now()
				one(worker, turn)
				times = append(times, time.Since(began).Seconds())
			}
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, times...)
		}()
	}
	running.Wait()
	return all
}

func (l load) append() []float64 {
	last := make([][subjectsEach]uint64, l.inFlight)
	run := os.Getpid()
	return l.workers(func(worker, turn int) {
		at := turn % subjectsEach
		subject := fmt.Sprintf("order.%d.%d.%d", run, worker, at)
		done := must(l.jet.Publish(always, subject, data, jetstream.WithExpectLastSequencePerSubject(last[worker][at])))
		last[worker][at] = done.Sequence
	})
}

// atomic publishes events of the subjects, all or nothing.
func (l load) atomic(id string, subjects []string) {
	for i, subject := range subjects {
		message := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
			"Nats-Batch-Id": {id}, "Nats-Batch-Sequence": {strconv.Itoa(i + 1)}}}
		last := i+1 == len(subjects)
		if last {
			message.Header.Set("Nats-Batch-Commit", "1")
		}
		if i > 0 && !last {
			if err := l.connection.PublishMsg(message); err != nil {
				panic(err)
			}
			continue
		}
		answer := must(l.connection.RequestMsg(message, 10*time.Second))
		if bytes.Contains(answer.Data, []byte(`"error"`)) {
			panic(string(answer.Data))
		}
	}
}

func (l load) batches() []float64 {
	run := os.Getpid()
	return l.workers(func(worker, turn int) {
		subjects := make([]string, l.batch)
		for i := range subjects {
			subjects[i] = fmt.Sprintf("batch.%d.%d", run, turn%subjectsEach)
		}
		l.atomic(fmt.Sprintf("%d-%d-%d", run, worker, turn), subjects)
	})
}

func (l load) fill() {
	for round := range 10 {
		for half := range 2 {
			subjects := make([]string, tenSubjects/2)
			for i := range subjects {
				subjects[i] = fmt.Sprintf("ten.%d", half*tenSubjects/2+i)
			}
			l.atomic(fmt.Sprintf("fill-%d-%d", round, half), subjects)
		}
	}
}

func (l load) readTen() []float64 {
	return l.workers(func(worker, turn int) {
		subject := fmt.Sprintf("ten.%d", (worker*37+turn*331)%tenSubjects)
		inbox := nats.NewInbox()
		answers := must(l.connection.SubscribeSync(inbox))
		request := fmt.Sprintf(`{"seq":1,"batch":10,"next_by_subj":"%s"}`, subject)
		if err := l.connection.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, []byte(request)); err != nil {
			panic(err)
		}
		count := 0
		for must(answers.NextMsg(5*time.Second)).Header.Get("Status") == "" {
			count++
		}
		if count != 10 {
			panic(fmt.Sprintf("%s has %d events", subject, count))
		}
		if err := answers.Unsubscribe(); err != nil {
			panic(err)
		}
	})
}

func (l load) readAll() int {
	info := must(must(l.jet.Stream(always, stream)).Info(always))
	wanted := min(readMax, int(info.State.Msgs))
	consumer := must(l.jet.OrderedConsumer(always, stream, jetstream.OrderedConsumerConfig{}))
	count, done := 0, make(chan struct{})
	consuming := must(consumer.Consume(func(jetstream.Msg) {
		count++
		if count == wanted {
			close(done)
		}
	}, jetstream.PullMaxMessages(5000)))
	<-done
	consuming.Stop()
	return wanted
}

func main() {
	number := func(at int) int { return must(strconv.Atoi(os.Args[at])) }
	connection := must(nats.Connect("nats://" + os.Args[1]))
	l := load{connection: connection, jet: must(jetstream.New(connection)),
		seconds: time.Duration(number(3)) * time.Second, inFlight: number(4), batch: number(5)}
	must(l.jet.CreateOrUpdateStream(always, jetstream.StreamConfig{Name: stream, Storage: jetstream.FileStorage,
		Subjects: []string{"order.>", "batch.>", "ten.>"}, AllowAtomicPublish: true, AllowDirect: true}))
	began := time.Now()
	took := func() float64 { return time.Since(began).Seconds() }
	switch mode := os.Args[2]; mode {
	case "append":
		times := l.append()
		report(times, len(times), took())
	case "batch":
		times := l.batches()
		report(times, len(times)*l.batch, took())
	case "fill":
		l.fill()
		report([]float64{took()}, tenSubjects*10, took())
	case "read-ten":
		times := l.readTen()
		report(times, len(times)*10, took())
	case "read-all":
		count := l.readAll()
		report([]float64{took()}, count, took())
	default:
		panic("no mode " + mode)
	}
}

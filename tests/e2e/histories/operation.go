package main

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// What clients ask, and what came of it, whatever the transport.

const topicCount = 3

type expectKind int

const (
	expectNoStream expectKind = iota
	expectExists
	expectExact
)

type expectation struct {
	stream  string
	kind    expectKind
	version int64
}

func (e expectation) holds(count int64) bool {
	switch e.kind {
	case expectNoStream:
		return count == 0
	case expectExists:
		return count > 0
	default:
		return count == e.version+1
	}
}

type event struct {
	id     string
	stream string
	tags   []string
	data   []byte
}

// The append is refused if an event has one of the tags (each an item) and stands behind `after` (-1: any event).
type condition struct {
	tags  []string
	after int64
}

type appendCall struct {
	events     []event
	expect     []expectation
	conditions []condition
}

type failedExpectation struct {
	index  int
	actual int64 // -1: no stream
}

type failedCondition struct {
	index, item int
	position    int64 // of the first event that matches the item
}

type verdict int

const (
	unknown verdict = iota // the connection broke
	applied
	refused
)

type answer struct {
	verdict      verdict
	positions    []int64
	versions     []int64
	duplicate    bool
	expectations []failedExpectation
	conditions   []failedCondition
}

// The newest events of a stream, newest first; count is 0 if there is none.
type streamRead struct {
	count int64
	ids   []string
}

// A store over one transport. A verdict of unknown: it may have been done.
type client interface {
	append(call *appendCall) (answer, error)
	// The stream's newest events, at most `limit`; false: the connection broke.
	read(stream string, limit int) (streamRead, bool, error)
}

// An operation of a history; ended is forever if nobody knows.
type operation struct {
	began, ended int64
	call         *appendCall
	answer       answer
	stream       string // of a read
	read         streamRead
}

const forever = int64(math.MaxInt64)

type history struct {
	start      time.Time
	done       atomic.Int64
	open       atomic.Int64
	retried    atomic.Int64
	refusals   atomic.Int64
	mutex      sync.Mutex
	operations []operation
}

func (h *history) now() int64 { return int64(time.Since(h.start)) }

func (h *history) add(made operation) {
	h.mutex.Lock()
	h.operations = append(h.operations, made)
	h.mutex.Unlock()
	h.done.Add(1)
}

// An event as it stands in the log at the end.
type recorded struct {
	position, version int64
	recordedUs        int64
	id, stream        string
	tags              []string
}

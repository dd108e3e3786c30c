package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Linearizability by porcupine: each stream is a register of its length and newest event, each tag one of its newest position.

const searchLongest = 60 * time.Second

// An operation as one stream sees it.
type lookAtStream struct {
	made     *operation
	expects  *expectation
	failed   bool  // the expectation did not hold
	actual   int64 // then: the version told
	before   int64 // of an append: the stream's events before it
	appended int64
	reads    bool
	count    int64 // of a read
	newest   string
}

type streamState struct {
	count  int64
	newest string
}

func (s streamState) step(look lookAtStream) (bool, streamState) {
	switch {
	case look.reads:
		return s.count == look.count && (look.count == 0 || s.newest == look.newest), s
	case look.failed:
		return s.count == look.actual+1 && !look.expects.holds(s.count), s
	case look.expects != nil && !look.expects.holds(s.count):
		return false, s
	case look.appended == 0:
		return true, s
	}
	return s.count == look.before, streamState{s.count + look.appended, look.newest}
}

// An append as one tag sees it.
type lookAtTag struct {
	made     *operation
	watched  *condition
	conflict int64 // -1: none
	position int64 // of the event that it appended; -1: none
}

// The state is the newest position.
func stepOfTag(newest int64, look lookAtTag) (bool, int64) {
	switch {
	case look.conflict >= 0:
		return newest >= look.conflict, newest
	case look.watched != nil && newest > look.watched.after:
		return false, newest
	case look.position < 0:
		return true, newest
	}
	return look.position > newest, look.position
}

func linearizable(operations []operation) error {
	streams, tags := map[string][]porcupine.Operation{}, map[string][]porcupine.Operation{}
	for i := range operations {
		made := &operations[i]
		for stream, look := range looksAtStreams(made) {
			streams[stream] = append(streams[stream], porcupine.Operation{Input: look, Call: made.began, Return: made.ended})
		}
		for tag, look := range looksAtTags(made) {
			tags[tag] = append(tags[tag], porcupine.Operation{Input: look, Call: made.began, Return: made.ended})
		}
	}
	ofStream := porcupine.Model{
		Init: func() any { return streamState{} },
		Step: func(state, input, _ any) (bool, any) { return state.(streamState).step(input.(lookAtStream)) },
	}
	ofTag := porcupine.Model{
		Init: func() any { return int64(-1) },
		Step: func(state, input, _ any) (bool, any) { return stepOfTag(state.(int64), input.(lookAtTag)) },
	}
	deadline := time.Now().Add(searchLongest)
	if err := explain("stream", streams, ofStream, deadline); err != nil {
		return err
	}
	return explain("tag", tags, ofTag, deadline)
}

func explain(what string, all map[string][]porcupine.Operation, model porcupine.Model, deadline time.Time) error {
	for name, operations := range all {
		for i := range operations {
			operations[i].ClientId = i
		}
		switch porcupine.CheckOperationsTimeout(model, operations, max(time.Until(deadline), time.Second)) {
		case porcupine.Illegal:
			return fmt.Errorf("%s %s is not linearizable:\n%s", what, name, listing(operations))
		case porcupine.Unknown:
			return fmt.Errorf("%s %s: no order of %d operations was found in time", what, name, len(operations))
		}
	}
	return nil
}

func listing(operations []porcupine.Operation) string {
	slices.SortFunc(operations, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var lines []string
	for _, one := range operations[:min(len(operations), 50)] {
		switch look := one.Input.(type) {
		case lookAtStream:
			lines = append(lines, describe(look.made))
		case lookAtTag:
			lines = append(lines, describe(look.made))
		}
	}
	return strings.Join(lines, "\n")
}

func looksAtStreams(made *operation) map[string]lookAtStream {
	looks := map[string]lookAtStream{}
	if made.call == nil {
		look := lookAtStream{made: made, reads: true, count: made.read.count}
		if look.count > 0 {
			look.newest = made.read.ids[0]
		}
		looks[made.stream] = look
		return looks
	}
	isApplied := made.answer.verdict == applied
	for i := range made.call.expect {
		look := lookAtStream{made: made, expects: &made.call.expect[i]}
		for _, one := range made.answer.expectations {
			if one.index == i {
				look.failed, look.actual = true, one.actual
			}
		}
		looks[look.expects.stream] = look
	}
	for i, event := range made.call.events {
		look, there := looks[event.stream]
		if !isApplied {
			continue
		}
		if !there {
			look.made = made
		}
		if look.appended == 0 {
			look.before = made.answer.versions[i]
		}
		look.appended++
		look.newest = event.id
		looks[event.stream] = look
	}
	return looks
}

func looksAtTags(made *operation) map[string]lookAtTag {
	looks := map[string]lookAtTag{}
	if made.call == nil {
		return looks
	}
	isApplied := made.answer.verdict == applied
	for i := range made.call.conditions {
		watched := &made.call.conditions[i]
		for item, tag := range watched.tags {
			look := lookAtTag{made: made, watched: watched, conflict: -1, position: -1}
			for _, failed := range made.answer.conditions {
				if failed.index == i && failed.item == item {
					look.conflict = failed.position
				}
			}
			looks[tag] = look
		}
	}
	for i, event := range made.call.events {
		for _, tag := range event.tags {
			if !isApplied {
				continue
			}
			look, there := looks[tag]
			if !there {
				look = lookAtTag{made: made, conflict: -1}
			}
			look.position = made.answer.positions[i]
			looks[tag] = look
		}
	}
	return looks
}

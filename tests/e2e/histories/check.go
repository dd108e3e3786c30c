package main

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// What must hold of every operation, beside the log as it stands at the end; then porcupine looks for one order that explains
// all answers (linearizable.go).

type checker struct {
	log      []recorded
	byId     map[string]int
	byStream map[string][]int // places in log
	byTag    map[string][]int64
}

func check(operations []operation, log []recorded) error {
	c := &checker{log: log, byId: map[string]int{}, byStream: map[string][]int{}, byTag: map[string][]int64{}}
	if err := c.takeLog(); err != nil {
		return err
	}
	operations = c.resolve(operations)
	return errors.Join(c.everyOperation(operations), positionsInOrder(operations), linearizable(operations))
}

// The first operation that the log does not bear out.
func (c *checker) everyOperation(operations []operation) error {
	if err := c.nothingElse(operations); err != nil {
		return err
	}
	for i := range operations {
		if err := c.one(&operations[i]); err != nil {
			return fmt.Errorf("%w: %s", err, describe(&operations[i]))
		}
	}
	return nil
}

// Positions ascend, recorded time does not go back, versions are dense, no id is there twice.
func (c *checker) takeLog() error {
	for i, one := range c.log {
		if i > 0 && (one.position <= c.log[i-1].position || one.recordedUs < c.log[i-1].recordedUs) {
			return fmt.Errorf("position %d at %d comes behind %d at %d", one.position, one.recordedUs, c.log[i-1].position,
				c.log[i-1].recordedUs)
		}
		if other, twice := c.byId[one.id]; twice {
			return fmt.Errorf("%s is there twice: positions %d and %d", one.id, c.log[other].position, one.position)
		}
		if count := len(c.byStream[one.stream]); one.version != int64(count) {
			return fmt.Errorf("%s has version %d, there are %d events before it in %s", one.id, one.version, count, one.stream)
		}
		c.byId[one.id] = i
		c.byStream[one.stream] = append(c.byStream[one.stream], i)
		for _, tag := range one.tags {
			c.byTag[tag] = append(c.byTag[tag], one.position)
		}
	}
	return nil
}

// What nobody knew the outcome of: what is in the log took effect, at some time behind its call; the rest never did.
func (c *checker) resolve(operations []operation) []operation {
	var known []operation
	for _, one := range operations {
		if one.call == nil || one.answer.verdict != unknown {
			known = append(known, one)
			continue
		}
		if _, there := c.byId[one.call.events[0].id]; !there {
			continue
		}
		one.answer = answer{verdict: applied}
		for _, event := range one.call.events {
			found := recorded{position: -1, version: -1} // a part that is missing: applied() finds it
			if place, there := c.byId[event.id]; there {
				found = c.log[place]
			}
			one.answer.positions = append(one.answer.positions, found.position)
			one.answer.versions = append(one.answer.versions, found.version)
		}
		known = append(known, one)
	}
	return known
}

// Every event was asked for by an append that took effect.
func (c *checker) nothingElse(operations []operation) error {
	asked := map[string]bool{}
	for _, one := range operations {
		if one.call != nil && one.answer.verdict == applied {
			for _, event := range one.call.events {
				asked[event.id] = true
			}
		}
	}
	for _, one := range c.log {
		if !asked[one.id] {
			return fmt.Errorf("%s is in the log, but its append was refused", one.id)
		}
	}
	return nil
}

func (c *checker) one(made *operation) error {
	if made.call == nil {
		return c.read(made)
	}
	if made.answer.verdict == applied {
		return c.applied(made)
	}
	return c.refused(made)
}

func (c *checker) read(made *operation) error {
	places := c.byStream[made.stream]
	if int(made.read.count) > len(places) || (made.read.count > 0 && len(made.read.ids) == 0) {
		return fmt.Errorf("%d events were read, there are %d", made.read.count, len(places))
	}
	for i, id := range made.read.ids {
		if at := int(made.read.count) - 1 - i; at < 0 || c.log[places[at]].id != id {
			return fmt.Errorf("%s was read as version %d", id, at)
		}
	}
	return nil
}

// Events of the stream before the position.
func (c *checker) countBefore(stream string, position int64) int64 {
	places := c.byStream[stream]
	return int64(sort.Search(len(places), func(i int) bool { return c.log[places[i]].position >= position }))
}

// The first event behind `after` that has the tag; -1: none.
func (c *checker) firstMatch(tag string, after int64) int64 {
	positions := c.byTag[tag]
	at := sort.Search(len(positions), func(i int) bool { return positions[i] > after })
	if at == len(positions) {
		return -1
	}
	return positions[at]
}

func (c *checker) applied(made *operation) error {
	call, got := made.call, made.answer
	for i, event := range call.events {
		place, there := c.byId[event.id]
		if !there {
			return fmt.Errorf("%s is lost", event.id)
		}
		found := c.log[place]
		if found.position != got.positions[i] || found.version != got.versions[i] || found.stream != event.stream ||
			!slices.Equal(found.tags, event.tags) || got.positions[i] != got.positions[0]+int64(i) {
			return fmt.Errorf("%s is not where it was acknowledged: %+v", event.id, found)
		}
	}
	for _, one := range call.expect {
		if count := c.countBefore(one.stream, got.positions[0]); !one.holds(count) {
			return fmt.Errorf("%s had %d events, which was not expected", one.stream, count)
		}
	}
	for _, one := range call.conditions {
		for _, tag := range one.tags {
			if conflict := c.firstMatch(tag, one.after); conflict >= 0 && conflict < got.positions[0] {
				return fmt.Errorf("position %d matches its condition", conflict)
			}
		}
	}
	return nil
}

func (c *checker) refused(made *operation) error {
	call, got := made.call, made.answer
	if len(got.expectations)+len(got.conditions) == 0 {
		return fmt.Errorf("refused without a reason")
	}
	for _, one := range got.expectations {
		if call.expect[one.index].holds(one.actual + 1) {
			return fmt.Errorf("refused at version %d, which was expected", one.actual)
		}
	}
	for _, one := range got.conditions {
		asked := call.conditions[one.index]
		if first := c.firstMatch(asked.tags[one.item], asked.after); first != one.position {
			return fmt.Errorf("the first conflict is at %d, not at %d", first, one.position)
		}
	}
	return nil
}

// An append that was over before another one began stands before it.
func positionsInOrder(operations []operation) error {
	var byBegin []*operation
	for i := range operations {
		if operations[i].call != nil && operations[i].answer.verdict == applied {
			byBegin = append(byBegin, &operations[i])
		}
	}
	byEnd := slices.Clone(byBegin)
	slices.SortFunc(byBegin, func(a, b *operation) int { return int(a.began - b.began) })
	slices.SortFunc(byEnd, func(a, b *operation) int {
		if a.ended < b.ended {
			return -1
		}
		return 1
	})
	highest, next := int64(-1), 0
	for _, one := range byBegin {
		for ; next < len(byEnd) && byEnd[next].ended < one.began; next++ {
			highest = max(highest, slices.Max(byEnd[next].answer.positions))
		}
		if one.answer.positions[0] <= highest {
			return fmt.Errorf("position %d was given before, then: %s", highest, describe(one))
		}
	}
	return nil
}

func describe(made *operation) string {
	if made.call == nil {
		return fmt.Sprintf("read of %s from %d to %d ns: %+v", made.stream, made.began, made.ended, made.read)
	}
	return fmt.Sprintf("append from %d to %d ns: %+v answered %+v", made.began, made.ended, *made.call, made.answer)
}

// Package speak is the client program's side of the conversation (conversation.py, one folder up): requests become calls.
package speak

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"sync"
	"time"
)

// Seconds that a client may take for one request, before the driver gives up.
const AnswerTimeout = 60 * time.Second

const ClientID = "stele-matrix"

// Header is ["name", "base64" or null].
type Header struct {
	Name  string
	Value []byte
}

func (h Header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.Name, h.Value}) }

func (h *Header) UnmarshalJSON(raw []byte) error {
	pair := []any{&h.Name, &h.Value}
	return json.Unmarshal(raw, &pair)
}

type Record struct {
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []Header `json:"headers"`
	At        int64    `json:"at"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
}

type Request struct {
	Do, Topic, Codec, Member, Group, Protocol, Name, Value string
	Records                                                []Record
	Count, Partitions, Total                               int
	PauseMs                                                int `json:"pause_ms"`
	Partition                                              int32
	Start                                                  [][2]int64
	At                                                     any
	Before                                                 int64
	Configs                                                map[string]string
}

// NotThere: the client has no way to ask for it; the text says why.
type NotThere string

func (n NotThere) Error() string { return string(n) }

// Calls of a client, by the name of the request.
type Calls map[string]func(Request) (any, error)

// Member is a member of a group on a goroutine of its own; its run joins, reads and commits until stop is closed.
type Member struct {
	mutex      sync.Mutex
	partitions map[int32]bool
	read       []string
	failure    error
	Stop, done chan struct{}
}

func (m *Member) Add(values ...string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.read = append(m.read, values...)
}

// Assigned: these are the member's partitions now.
func (m *Member) Assigned(partitions []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.partitions = map[int32]bool{}
	for _, one := range partitions {
		m.partitions[one] = true
	}
}

// Changed: these came to the member's partitions, or went.
func (m *Member) Changed(partitions []int32, came bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, one := range partitions {
		if came {
			m.partitions[one] = true
		} else {
			delete(m.partitions, one)
		}
	}
}

func (m *Member) look() (any, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	partitions := []int32{}
	for one := range m.partitions {
		partitions = append(partitions, one)
	}
	sort.Slice(partitions, func(a, b int) bool { return partitions[a] < partitions[b] })
	read := append([]string{}, m.read...)
	m.read = nil
	return map[string]any{"partitions": partitions, "read": read}, m.failure
}

// Members are those that the program runs.
type Members map[string]*Member

func (all Members) Join(name string, run func(*Member) error) {
	member := &Member{partitions: map[int32]bool{}, Stop: make(chan struct{}), done: make(chan struct{})}
	all[name] = member
	go func() {
		defer close(member.done)
		if err := run(member); err != nil {
			member.mutex.Lock()
			member.failure = fmt.Errorf("the member ended: %w", err)
			member.mutex.Unlock()
		}
	}()
}

// AddTo puts the requests about members that are the same for every client.
func (all Members) AddTo(calls Calls) {
	calls["member"] = func(r Request) (any, error) { return all[r.Member].look() }
	calls["leave"] = func(r Request) (any, error) {
		member := all[r.Member]
		delete(all, r.Member)
		close(member.Stop)
		<-member.done
		return nil, member.failure
	}
}

// Described is the answer to describe_group.
type Described struct {
	State   string            `json:"state"`
	Members []DescribedMember `json:"members"`
}

type DescribedMember struct {
	Client     string   `json:"client"`
	Partitions [][2]any `json:"partitions"`
}

func (d *DescribedMember) Add(topic string, partitions []int32) {
	sort.Slice(partitions, func(a, b int) bool { return partitions[a] < partitions[b] })
	for _, one := range partitions {
		d.Partitions = append(d.Partitions, [2]any{topic, one})
	}
}

// Speak answers requests until stdin ends.
func Speak(calls Calls, version string, lacks map[string]string) {
	calls["hello"] = func(Request) (any, error) {
		if lacks == nil {
			lacks = map[string]string{}
		}
		return map[string]any{"version": version, "lacks": lacks}, nil
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		answer, _ := json.Marshal(answer(calls, line))
		os.Stdout.Write(append(answer, '\n'))
	}
}

func answer(calls Calls, line []byte) map[string]any {
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return map[string]any{"error": err.Error()}
	}
	call := calls[request.Do]
	if call == nil {
		return map[string]any{"error": "no such request: " + request.Do}
	}
	is, err := call(request)
	var why NotThere
	switch {
	case errors.As(err, &why):
		return map[string]any{"na": string(why)}
	case err != nil:
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"is": is}
}

// VersionOf a module that the program is built with.
func VersionOf(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, one := range info.Deps {
		if one.Path == module {
			return one.Version
		}
	}
	return "?"
}

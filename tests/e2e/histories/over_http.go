package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Connections are kept. An append to one stream takes the stream's own route with If-Match, others POST /v1/events.
type httpClient struct {
	base string
	http http.Client
}

func newHttpClient(with settings) *httpClient {
	return &httpClient{base: baseOf(with), http: http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64},
		Timeout:   60 * time.Second,
	}}
}

func baseOf(with settings) string { return fmt.Sprintf("http://127.0.0.1:%d", with.httpPort) }

func streamUrl(base, stream string) string {
	return base + "/v1/topics/" + topicOf(stream) + "/streams/" + url.PathEscape(stream)
}

type wideNumber int64

func (w *wideNumber) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*w = wideNumber(value)
	return err
}

type jsonEvent struct {
	Topic    string   `json:"topic,omitempty"`
	Stream   string   `json:"stream"`
	Id       string   `json:"id"`
	Type     string   `json:"type"`
	Tags     []string `json:"tags,omitempty"`
	Position string   `json:"position,omitempty"`
}

type jsonRead struct {
	Id          string     `json:"id"`
	Stream      string     `json:"stream"`
	Tags        string     `json:"tags"`
	Position    wideNumber `json:"position"`
	Version     wideNumber `json:"version"`
	RecordedUs  string     `json:"recordedtime"`
	SpecVersion string     `json:"specversion"`
}

type jsonAnswer struct {
	Events []struct {
		Position wideNumber  `json:"position"`
		Version  *wideNumber `json:"version"`
	} `json:"events"`
	Duplicate    bool   `json:"duplicate"`
	Code         string `json:"code"`
	Detail       string `json:"detail"`
	Expectations []struct {
		Index  int         `json:"index"`
		Actual *wideNumber `json:"actualVersion"`
	} `json:"expectations"`
	Conditions []struct {
		Index    int        `json:"index"`
		Item     int        `json:"item"`
		Position wideNumber `json:"position"`
	} `json:"conditions"`
}

// False: the connection broke after something may have been sent.
func (c *httpClient) do(request *http.Request) (int, []byte, bool, error) {
	for {
		response, err := c.http.Do(request)
		if refusedToConnect(err) {
			time.Sleep(2 * time.Millisecond)
			if request.GetBody != nil {
				request.Body, _ = request.GetBody()
			}
			continue
		}
		if err != nil {
			return 0, nil, false, timeoutOnly(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		return response.StatusCode, body, err == nil, timeoutOnly(err)
	}
}

func refusedToConnect(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// A service that does not answer in time is a fault; one that was killed is not.
func timeoutOnly(err error) error {
	var failure net.Error
	if errors.As(err, &failure) && failure.Timeout() {
		return err
	}
	return nil
}

func (c *httpClient) append(call *appendCall) (answer, error) {
	request, err := c.appendRequest(call)
	if err != nil {
		return answer{}, err
	}
	code, body, whole, err := c.do(request)
	if err != nil || !whole {
		return answer{}, err
	}
	var answered jsonAnswer
	if err := json.Unmarshal(body, &answered); err != nil {
		return answer{}, fmt.Errorf("%d %s: %w", code, body, err)
	}
	switch {
	case code == http.StatusCreated || code == http.StatusOK:
		made := answer{verdict: applied, duplicate: answered.Duplicate}
		for _, one := range answered.Events {
			made.positions = append(made.positions, int64(one.Position))
			made.versions = append(made.versions, int64(*one.Version))
		}
		return made, nil
	case answered.Code == "wrong_version" || answered.Code == "condition_failed":
		made := answer{verdict: refused}
		for _, one := range answered.Expectations {
			actual := int64(-1)
			if one.Actual != nil {
				actual = int64(*one.Actual)
			}
			made.expectations = append(made.expectations, failedExpectation{one.Index, actual})
		}
		for _, one := range answered.Conditions {
			made.conditions = append(made.conditions, failedCondition{one.Index, one.Item, int64(one.Position)})
		}
		return made, nil
	case answered.Code == "outcome_unknown":
		return answer{}, nil
	}
	return answer{}, fmt.Errorf("refused: %d %s", code, body)
}

func isOfOneStream(call *appendCall) bool {
	stream := call.events[0].stream
	for _, one := range call.events {
		if one.stream != stream {
			return false
		}
	}
	return len(call.conditions) == 0 && len(call.expect) == 1 && call.expect[0].stream == stream
}

func (c *httpClient) appendRequest(call *appendCall) (*http.Request, error) {
	var events []jsonEvent
	for _, one := range call.events {
		events = append(events, jsonEvent{Topic: topicOf(one.stream), Stream: one.stream, Id: one.id, Type: "Happened", Tags: one.tags})
	}
	if !isOfOneStream(call) {
		return c.appendToMany(call, events)
	}
	body, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest("POST", streamUrl(c.base, call.events[0].stream), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/cloudevents-batch+json")
	switch expected := call.expect[0]; expected.kind {
	case expectNoStream:
		request.Header.Set("If-None-Match", "*")
	case expectExists:
		request.Header.Set("If-Match", "*")
	case expectExact:
		request.Header.Set("If-Match", fmt.Sprintf(`"%d"`, expected.version))
	}
	return request, nil
}

func (c *httpClient) appendToMany(call *appendCall, events []jsonEvent) (*http.Request, error) {
	type object map[string]any
	expectations, conditions := []object{}, []object{}
	for _, one := range call.expect {
		expected := fmt.Sprint(one.version)
		if one.kind != expectExact {
			expected = map[expectKind]string{expectNoStream: "no_stream", expectExists: "exists"}[one.kind]
		}
		expectations = append(expectations, object{"topic": topicOf(one.stream), "stream": one.stream, "expectedVersion": expected})
	}
	for _, one := range call.conditions {
		items := []object{}
		for _, tag := range one.tags {
			items = append(items, object{"tags": []string{tag}})
		}
		made := object{"failIfEventsMatch": object{"items": items}}
		if one.after >= 0 {
			made["after"] = fmt.Sprint(one.after)
		}
		conditions = append(conditions, made)
	}
	body, err := json.Marshal(object{"events": events, "expectations": expectations, "conditions": conditions})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest("POST", c.base+"/v1/events", bytes.NewReader(body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}

func (c *httpClient) read(stream string, limit int) (streamRead, bool, error) {
	request, err := http.NewRequest("GET", fmt.Sprintf("%s?direction=backward&limit=%d", streamUrl(c.base, stream), limit), nil)
	if err != nil {
		return streamRead{}, false, err
	}
	code, body, whole, err := c.do(request)
	if err != nil || !whole || code == http.StatusNotFound {
		return streamRead{}, whole, err
	}
	var page struct {
		Events      []jsonRead `json:"events"`
		LastVersion wideNumber `json:"lastVersion"`
	}
	if err := json.Unmarshal(body, &page); code != http.StatusOK || err != nil {
		return streamRead{}, false, fmt.Errorf("read %s: %d %s %w", stream, code, body, err)
	}
	read := streamRead{count: int64(page.LastVersion) + 1}
	for _, one := range page.Events {
		read.ids = append(read.ids, one.Id)
	}
	return read, true, nil
}

// Everything that is there, as NDJSON, has to be what gRPC reads.
func compareLines(with settings, log []recorded) error {
	request, err := http.NewRequest("GET", baseOf(with)+"/v1/events?versions=true", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for _, wanted := range log {
		var got jsonRead
		if err := lines.Decode(&got); err != nil {
			return fmt.Errorf("line of position %d: %w", wanted.position, err)
		}
		if got.Id != wanted.id || int64(got.Position) != wanted.position || got.Stream != wanted.stream ||
			int64(got.Version) != wanted.version || got.Tags != strings.Join(wanted.tags, ",") {
			return fmt.Errorf("HTTP reads %+v where gRPC reads %+v", got, wanted)
		}
	}
	if lines.More() {
		return errors.New("HTTP reads more than gRPC")
	}
	return nil
}

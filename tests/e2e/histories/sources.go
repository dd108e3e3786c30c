package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"histories/stelev1"
)

// One connection of a subscription, over each transport.

type place struct {
	position int64
	id       string
}

type message struct {
	kind   string // message, checkpoint, caught-up, fell-behind
	token  string // behind all that was told
	events []place
}

// The connection broke: open another one from the newest token.
var errBroken = errors.New("the connection broke")

type source interface {
	next() (message, error)
	close()
}

// Opens a connection behind the token; an empty one is the beginning.
type opener func(token string) (source, error)

type linesSource struct {
	body   io.ReadCloser
	reader *bufio.Reader
}

// Server-sent events, resumed by Last-Event-ID. With a query it is a POST.
func serverSentEvents(address, query string) opener {
	return func(token string) (source, error) {
		method := http.MethodGet
		if query != "" {
			method = http.MethodPost
		}
		request, err := http.NewRequest(method, address, strings.NewReader(query))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", "text/event-stream")
		if query != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			request.Header.Set("Last-Event-ID", token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, errBroken
		}
		if response.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			return nil, fmt.Errorf("%s: %d %s", address, response.StatusCode, body)
		}
		return &linesSource{response.Body, bufio.NewReader(response.Body)}, nil
	}
}

func (s *linesSource) close() { s.body.Close() }

func (s *linesSource) next() (message, error) {
	var made message
	var data []byte
	for {
		line, err := s.reader.ReadBytes('\n')
		if err != nil {
			return message{}, errBroken
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "id":
			made.token = string(value)
		case "event":
			made.kind = string(value)
		case "data":
			data = value
		case "":
			if made.kind == "" {
				continue // a comment's end
			}
			return withEvent(made, data)
		}
	}
}

func withEvent(made message, data []byte) (message, error) {
	switch made.kind {
	case "error":
		return message{}, fmt.Errorf("told: %s", data)
	case "message":
		var event jsonRead
		if err := json.Unmarshal(data, &event); err != nil {
			return message{}, fmt.Errorf("%w: %s", err, data)
		}
		made.events = []place{{int64(event.Position), event.Id}}
	}
	if made.token == "" {
		return message{}, fmt.Errorf("%s without a token", made.kind)
	}
	return made, nil
}

type webSocketSource struct{ socket *websocket.Conn }

func webSocket(address string) opener {
	return func(token string) (source, error) {
		if token != "" {
			address := address + "?from=" + url.QueryEscape(token)
			return dialWebSocket(address)
		}
		return dialWebSocket(address)
	}
}

func dialWebSocket(address string) (source, error) {
	socket, response, err := websocket.Dial(context.Background(), address, nil)
	if err != nil && response != nil && response.StatusCode >= 400 {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if err != nil {
		return nil, errBroken
	}
	socket.SetReadLimit(-1)
	return &webSocketSource{socket}, nil
}

func (s *webSocketSource) close() { s.socket.CloseNow() }

func (s *webSocketSource) next() (message, error) {
	_, text, err := s.socket.Read(context.Background())
	if err != nil {
		return message{}, errBroken
	}
	var told struct {
		Kind    string          `json:"kind"`
		Token   string          `json:"token"`
		Event   json.RawMessage `json:"event"`
		Problem json.RawMessage `json:"problem"`
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return message{}, fmt.Errorf("%w: %s", err, text)
	}
	if told.Problem != nil {
		told.Event = told.Problem
	}
	return withEvent(message{kind: told.Kind, token: told.Token}, told.Event)
}

type grpcSource struct {
	stream grpc.ServerStreamingClient[stelev1.SubscribeResponse]
	cancel context.CancelFunc
}

func overGrpc(store stelev1.EventStoreClient, selection *stelev1.Selection) opener {
	return func(token string) (source, error) {
		request := &stelev1.SubscribeRequest{Selection: selection}
		if token != "" {
			request.From = &stelev1.ReadFrom{Place: &stelev1.ReadFrom_Token{Token: token}}
		}
		ctx, cancel := context.WithCancel(context.Background())
		stream, err := store.Subscribe(ctx, request)
		if err != nil {
			cancel()
			return nil, brokenIfUnavailable(err)
		}
		return &grpcSource{stream, cancel}, nil
	}
}

func brokenIfUnavailable(err error) error {
	if errors.Is(err, io.EOF) || status.Code(err) == codes.Unavailable {
		return errBroken
	}
	return err
}

func (s *grpcSource) close() { s.cancel() }

func (s *grpcSource) next() (message, error) {
	response, err := s.stream.Recv()
	if err != nil {
		return message{}, brokenIfUnavailable(err)
	}
	made := message{kind: "message", token: response.GetToken()}
	switch {
	case response.GetCheckpoint() != nil:
		made.kind, made.token = "checkpoint", response.GetCheckpoint().GetToken()
	case response.GetCaughtUp() != nil:
		made.kind, made.token = "caught-up", response.GetCaughtUp().GetToken()
	case response.GetFellBehind() != nil:
		made.kind, made.token = "fell-behind", response.GetFellBehind().GetToken()
	}
	for _, one := range response.GetBatch().GetEvents() {
		made.events = append(made.events, place{int64(one.GetPosition()), one.GetId()})
	}
	if made.token == "" {
		return message{}, fmt.Errorf("%s without a token", made.kind)
	}
	return made, nil
}

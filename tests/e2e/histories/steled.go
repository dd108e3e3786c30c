package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The service under test: killed and started again on the same folder and ports.
type steled struct {
	with    settings
	process *exec.Cmd
	kills   atomic.Int64
	mutex   sync.Mutex
}

func startSteled(with settings) (*steled, error) {
	service := &steled{with: with}
	return service, service.start()
}

func (s *steled) start() error {
	address := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	s.process = exec.Command(s.with.steled, "--data", s.with.data, "--kafka-listen", address(s.with.kafkaPort),
		"--http-listen", address(s.with.httpPort), "--grpc-listen", address(s.with.grpcPort), "--log-level", "warn")
	s.process.Stderr = os.Stderr
	output, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "steled ready") {
		s.process.Process.Kill()
		return fmt.Errorf("steled does not start: %q %v", line, err)
	}
	return nil
}

func (s *steled) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.process.Process.Kill()
	s.process.Wait()
}

// kill -9, and serving again.
func (s *steled) restart() error {
	s.stop()
	s.kills.Add(1)
	return s.start()
}

// killAlong kills the service each time that another part of `wanted` is done, until all is.
func (s *steled) killAlong(done func() int64, wanted int64, finished <-chan struct{}) error {
	for next := int64(1); next <= int64(s.with.kills); {
		select {
		case <-finished:
			return fmt.Errorf("only %d kills before the end", next-1)
		case <-time.After(time.Millisecond):
		}
		if done() < next*wanted/int64(s.with.kills+1) {
			continue
		}
		if err := s.restart(); err != nil {
			return err
		}
		next++
	}
	return nil
}

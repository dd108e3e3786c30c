// Concurrent clients of one steled that is killed again and again, and what they saw, checked.
//
//	histories linearize   appends, conditions and reads over gRPC and HTTP: one order explains every answer
//	histories resume      subscriptions over gRPC, server-sent events and WebSockets: each event once, in order
//
// The first line of the output is the seed, the last one what was counted; exit code 1 is a fault, named before.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

type settings struct {
	steled     string
	data       string
	kafkaPort  int
	httpPort   int
	grpcPort   int
	operations int
	kills      int
	seed       uint64
}

func main() {
	var with settings
	flag.StringVar(&with.steled, "steled", "", "the service's program")
	flag.StringVar(&with.data, "data", "", "its folder, which is new")
	flag.IntVar(&with.kafkaPort, "kafka-port", 0, "")
	flag.IntVar(&with.httpPort, "http-port", 0, "")
	flag.IntVar(&with.grpcPort, "grpc-port", 0, "")
	flag.IntVar(&with.operations, "operations", 100_000, "in all; of resume: events")
	flag.IntVar(&with.kills, "kills", 6, "kill -9, spread over the run")
	flag.Uint64Var(&with.seed, "seed", 1, "of the clients' choices")
	if len(os.Args) < 2 {
		flag.Usage()
		os.Exit(2)
	}
	flag.CommandLine.Parse(os.Args[2:])
	commands := map[string]func(settings) (string, error){"linearize": linearize, "resume": resume}
	command, known := commands[os.Args[1]]
	if !known {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Printf("seed=%d\n", with.seed)
	began := time.Now()
	told, err := command(with)
	if err != nil {
		fmt.Printf("fault: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%s seconds=%.1f\n", told, time.Since(began).Seconds())
}

// Go's side of the report: one case per process, told on the command line what to do, printing one
// JSON object in the words of src/sample.rs.
//
//	bench <millis> <grace> <shrink> <case> [arguments]
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

type sample struct {
	Ns       *float64           `json:"ns"`
	Fairness *fairness          `json:"fairness"`
	Figures  map[string]float64 `json:"figures,omitempty"`
	Trouble  *string            `json:"trouble"`
}

// plan is what the report asks for.
type plan struct {
	duration time.Duration
	grace    time.Duration
	shrink   int
	work     int
}

var cases = map[string]func(plan, []string) sample{
	"mutex-free":         mutexFree,
	"mutex":              mutexContended,
	"memory-mutex":       mutexMemory,
	"rwlock-read":        rwmutexRead,
	"rwlock-write":       rwmutexWrite,
	"rwlock":             rwmutexMixed,
	"rwlock-hammered":    rwmutexHammered,
	"memory-rwlock":      rwmutexMemory,
	"once":               onceDone,
	"event-ping-pong":    channelPingPong,
	"event-wake-tasks":   channelClosed,
	"barrier":            condBarrier,
	"cond-ping-pong":     condPingPong,
	"cond-herd":          condHerd,
	"select":             selectOne,
	"pool":               poolGetPut,
	"map":                mapHit,
	"wait-group":         waitGroup,
	"wait-group-spawned": waitGroupSpawned,
	"timers-cancel":      timersCancel,
	"timers-storm":       timersStorm,
	"worker-pool":        workerPool,
}

func main() {
	number := func(i int) int {
		n, err := strconv.Atoi(os.Args[i])
		if err != nil {
			fail(err)
		}
		return n
	}
	if len(os.Args) < 5 {
		fail(fmt.Errorf("too few arguments"))
	}
	p := plan{
		duration: time.Duration(number(1)) * time.Millisecond,
		grace:    time.Duration(number(2)) * time.Millisecond,
		shrink:   number(3),
		work:     calibrate(),
	}
	run, known := cases[os.Args[4]]
	if !known {
		fail(fmt.Errorf("no case %q", os.Args[4]))
	}
	if err := json.NewEncoder(os.Stdout).Encode(run(p, os.Args[5:])); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func nanos(ns float64) sample {
	return sample{Ns: &ns}
}

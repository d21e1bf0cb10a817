package main

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// repeat is the median over short batches of the time of one operation, as measure/hand.rs has it.
func repeat(p plan, each int, batch func(n int)) sample {
	n := 1
	timed := func() time.Duration {
		start := time.Now()
		batch(n)
		return time.Since(start)
	}
	deadline := time.Now().Add(p.duration)
	for timed() < 200*time.Microsecond && n < 1<<30 {
		n *= 2
	}
	var batches []float64
	for len(batches) == 0 || time.Now().Before(deadline) {
		batches = append(batches, float64(timed().Nanoseconds())/float64(n*each))
	}
	slices.Sort(batches)
	return nanos(batches[len(batches)/2])
}

var sink atomic.Uint64

// spend goes through so many rounds, each of which needs the result of the last.
//
//go:noinline
func spend(rounds int, seed uint64) uint64 {
	x := seed | 1
	for i := 0; i < rounds; i++ {
		x = x*6364136223846793005 + 1
	}
	return x
}

// calibrate finds the rounds that take 100 ns. By itself: the compiler is another one.
func calibrate() int {
	const rounds = 200000
	best := time.Hour
	for range 20 {
		start := time.Now()
		sink.Store(spend(rounds, 7))
		best = min(best, time.Since(start))
	}
	return max(1, int(100*float64(rounds)/float64(best.Nanoseconds())))
}

type fairness struct {
	Min   uint64  `json:"min"`
	Max   uint64  `json:"max"`
	Jain  float64 `json:"jain"`
	Idle  uint64  `json:"idle"`
	Tasks uint64  `json:"tasks"`
	Waits *waits  `json:"waits"`
}

type waits struct {
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Worst float64 `json:"worst"`
}

func shares(counts []uint64) *fairness {
	f := &fairness{Min: slices.Min(counts), Max: slices.Max(counts), Tasks: uint64(len(counts))}
	var sum, squares float64
	for _, n := range counts {
		if n == 0 {
			f.Idle++
		}
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if squares > 0 {
		f.Jain = sum * sum / (float64(len(counts)) * squares)
	}
	return f
}

// histogram has 32 steps for each power of two.
type histogram struct {
	counts [64 * 32]uint64
	worst  uint64
}

func (h *histogram) record(ns uint64) {
	h.worst = max(h.worst, ns)
	if ns < 32 {
		h.counts[ns]++
		return
	}
	power := bits.Len64(ns) - 6
	h.counts[(power+1)*32+int(ns>>power)-32]++
}

func (h *histogram) quantiles() *waits {
	var all uint64
	for _, n := range h.counts {
		all += n
	}
	at := func(q float64) float64 {
		var seen uint64
		for i, n := range h.counts {
			seen += n
			if float64(seen) >= q*float64(all) && seen > 0 {
				if i < 32 {
					return float64(i)
				}
				return float64(uint64(i%32+32) << (i/32 - 1))
			}
		}
		return float64(h.worst)
	}
	return &waits{P50: at(0.5), P99: at(0.99), P999: at(0.999), Worst: float64(h.worst)}
}

// contest lets goroutines repeat an operation for a fixed time, first without a clock for what they
// get through, then with one around each acquisition for how long these wait. measure/contest.rs
// says why.
func contest(p plan, tasks int, make func() func(task, turn int, acquired func())) sample {
	counts, _, elapsed, stuck := round(p.duration, p.grace, tasks, make(), false)
	out := sample{Fairness: shares(counts)}
	var operations uint64
	for _, n := range counts {
		operations += n
	}
	if operations > 0 {
		ns := float64(elapsed.Nanoseconds()) / float64(operations)
		out.Ns = &ns
	}
	if stuck == 0 {
		var h *histogram
		_, h, _, stuck = round(p.duration/2, p.grace, tasks, make(), true)
		if h != nil {
			out.Fairness.Waits = h.quantiles()
		}
	}
	if stuck > 0 {
		trouble := fmt.Sprintf("%d of %d tasks hung", stuck, tasks)
		out.Trouble = &trouble
	}
	return out
}

type count struct {
	n atomic.Uint64
	_ [120]byte
}

func round(
	duration, grace time.Duration, tasks int, operation func(task, turn int, acquired func()), timed bool,
) ([]uint64, *histogram, time.Duration, int64) {
	var (
		phase   atomic.Uint32
		began   time.Time
		arrived atomic.Int64
		ended   atomic.Int64
		lock    sync.Mutex
		all     histogram
		counts  = make([]count, tasks)
	)
	for task := range tasks {
		go func() {
			arrived.Add(1)
			for phase.Load() == 0 {
				runtime.Gosched()
			}
			var own histogram
			nothing := func() {}
			var done uint64
			for turn := 0; ; turn++ {
				if timed {
					asked := time.Now()
					if turn == 0 {
						asked = began
					}
					operation(task, turn, func() { own.record(uint64(time.Since(asked))) })
				} else {
					operation(task, turn, nothing)
				}
				if phase.Load() != 1 {
					break
				}
				done++
				counts[task].n.Store(done)
			}
			if timed {
				lock.Lock()
				for i, n := range own.counts {
					all.counts[i] += n
				}
				all.worst = max(all.worst, own.worst)
				lock.Unlock()
			}
			ended.Add(1)
		}()
	}
	until(grace, func() bool { return arrived.Load() == int64(tasks) })
	began = time.Now()
	phase.Store(1)
	time.Sleep(duration / 5)
	done := make([]uint64, tasks)
	for i := range counts {
		done[i] = -counts[i].n.Load()
	}
	settled := time.Now()
	time.Sleep(duration)
	phase.Store(2)
	elapsed := time.Since(settled)
	for i := range counts {
		done[i] += counts[i].n.Load()
	}
	if !until(grace, func() bool { return ended.Load() == int64(tasks) }) {
		return done, nil, elapsed, int64(tasks) - ended.Load()
	}
	return done, &all, elapsed, 0
}

func until(limit time.Duration, condition func() bool) bool {
	deadline := time.Now().Add(limit)
	for !condition() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(200 * time.Microsecond)
	}
	return true
}

// parked is the memory of a goroutine that waits.
func parked(p plan, object uintptr, wait func()) sample {
	n := max(1, 100000/p.shrink)
	inUse := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc + m.StackInuse)
	}
	before := inUse()
	var started atomic.Int64
	for range n {
		go func() {
			started.Add(1)
			wait()
		}()
	}
	until(time.Minute, func() bool { return started.Load() == int64(n) })
	time.Sleep(50 * time.Millisecond)
	return sample{Figures: map[string]float64{
		"object": float64(object),
		"waiter": (inUse() - before) / float64(n),
	}}
}

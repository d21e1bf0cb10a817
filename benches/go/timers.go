package main

import (
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// delays are between a second and a minute, and repeat only after long.
type delays uint64

func (d *delays) next() time.Duration {
	*d = *d*6364136223846793005 + 1
	return time.Duration(1000+(uint64(*d)>>33)%59000) * time.Millisecond
}

// timersCancel sets a timer and stops it, beside others that wait.
func timersCancel(p plan, arguments []string) sample {
	waiting, err := strconv.Atoi(arguments[0])
	if err != nil {
		fail(err)
	}
	d := delays(7)
	nothing := func() {}
	for range waiting / p.shrink {
		time.AfterFunc(d.next(), nothing)
	}
	return repeat(p, 1, func(n int) {
		for range n {
			time.AfterFunc(d.next(), nothing).Stop()
		}
	})
}

// onCPU is the processor time of the process so far.
func onCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// timersStorm sets so many timers within a second, and waits until all have gone off.
func timersStorm(p plan, arguments []string) sample {
	n, err := strconv.Atoi(arguments[0])
	if err != nil {
		fail(err)
	}
	n = max(1, n/p.shrink)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var fired sync.WaitGroup
	fired.Add(n)
	start, cpu := time.Now(), onCPU()
	for i := range n {
		place := uint64(i) * 7919 % uint64(n)
		spread := float64(time.Second) / float64(p.shrink)
		due := time.Duration(spread * float64(place) / float64(n))
		time.AfterFunc(time.Until(start.Add(due)), fired.Done)
	}
	set := onCPU()
	runtime.ReadMemStats(&after)
	reading := onCPU() - set
	fired.Wait()
	s := nanos(float64(onCPU()-cpu-reading) / float64(n))
	s.Figures = map[string]float64{"heap per waiter": float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}
	return s
}

// workerPool has so many goroutines take jobs from a channel that has room for as many.
func workerPool(p plan, arguments []string) sample {
	workers, err := strconv.Atoi(arguments[0])
	if err != nil {
		fail(err)
	}
	n := max(1, 100000/p.shrink)
	return repeat(p, n, func(times int) {
		for range times {
			jobs := make(chan int, workers)
			var done sync.WaitGroup
			for range workers {
				done.Add(1)
				go func() {
					defer done.Done()
					for i := range jobs {
						runtime.Gosched()
						sink.Store(uint64(i))
					}
				}()
			}
			for i := range n {
				jobs <- i
			}
			close(jobs)
			done.Wait()
		}
	})
}

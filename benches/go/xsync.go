//go:build xsync

package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

func init() {
	cases["semaphore-free"] = semaphoreFree
	cases["semaphore"] = semaphoreContended
	cases["memory-semaphore"] = semaphoreMemory
	cases["group"] = group
	cases["single-flight"] = singleFlight
}

func semaphoreFree(p plan, _ []string) sample {
	s := semaphore.NewWeighted(10)
	ctx := context.Background()
	return repeat(p, 1, func(n int) {
		for range n {
			if s.Acquire(ctx, 1) == nil {
				s.Release(1)
			}
		}
	})
}

func semaphoreContended(p plan, arguments []string) sample {
	tasks := number(arguments[1])
	ctx := context.Background()
	return contest(p, tasks, func() func(int, int, func()) {
		if arguments[0] == "yield" {
			s := semaphore.NewWeighted(4)
			return func(_, _ int, acquired func()) {
				if s.Acquire(ctx, 1) == nil {
					acquired()
					runtime.Gosched()
					s.Release(1)
				}
			}
		}
		s := semaphore.NewWeighted(10)
		return func(task, turn int, acquired func()) {
			n := int64(10)
			if (task+turn)%2 == 0 {
				n = 1
			}
			if s.Acquire(ctx, n) == nil {
				acquired()
				s.Release(n)
			}
		}
	})
}

func semaphoreMemory(p plan, _ []string) sample {
	s := semaphore.NewWeighted(1)
	ctx := context.Background()
	if err := s.Acquire(ctx, 1); err != nil {
		fail(err)
	}
	return parked(p, unsafe.Sizeof(*s), func() { _ = s.Acquire(ctx, 1) })
}

func group(p plan, _ []string) sample {
	tasks := max(1, 100000/p.shrink)
	return repeat(p, tasks, func(n int) {
		for range n {
			var g errgroup.Group
			for range tasks {
				g.Go(func() error { return nil })
			}
			if err := g.Wait(); err != nil {
				fail(err)
			}
		}
	})
}

func singleFlight(p plan, _ []string) sample {
	const callers = 1000
	return repeat(p, callers, func(n int) {
		for range n {
			var flight singleflight.Group
			var done sync.WaitGroup
			var came atomic.Int64
			open := make(chan struct{})
			for range callers {
				done.Add(1)
				go func() {
					if came.Add(1) == callers {
						close(open)
					}
					flight.Do("https://go.dev", func() (any, error) {
						<-open
						return 42, nil
					})
					done.Done()
				}()
			}
			done.Wait()
		}
	})
}

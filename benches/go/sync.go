package main

import (
	"runtime"
	"strconv"
	"sync"
	"unsafe"
)

func mutexFree(p plan, _ []string) sample {
	var mutex sync.Mutex
	var value uint64
	return repeat(p, 1, func(n int) {
		for range n {
			mutex.Lock()
			value++
			mutex.Unlock()
		}
	})
}

func onceDone(p plan, _ []string) sample {
	var once sync.Once
	once.Do(func() {})
	return repeat(p, 1, func(n int) {
		for range n {
			once.Do(func() {})
		}
	})
}

func poolGetPut(p plan, _ []string) sample {
	pool := sync.Pool{New: func() any { buffer := make([]byte, 0, 1024); return &buffer }}
	return repeat(p, 1, func(n int) {
		for range n {
			buffer := pool.Get().(*[]byte)
			pool.Put(buffer)
		}
	})
}

// The key changes as on the Rust side.
func mapHit(p plan, arguments []string) sample {
	const keys = 1024
	var m sync.Map
	value := new(uint64)
	for key := range uint64(keys) {
		m.Store(key, value)
	}
	random, found := uint64(1), 0
	key := func() uint64 {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		return random % keys
	}
	both := arguments[0] == "load_or_store"
	return repeat(p, 1, func(n int) {
		for range n {
			if both {
				m.LoadOrStore(key(), value)
			} else if _, ok := m.Load(key()); ok {
				found++
			}
		}
	})
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		fail(err)
	}
	return n
}

func mutexContended(p plan, arguments []string) sample {
	section, tasks := arguments[0], number(arguments[1])
	return contest(p, tasks, func() func(int, int, func()) {
		var mutex sync.Mutex
		var value uint64
		switch section {
		case "empty":
			return func(_, _ int, acquired func()) {
				mutex.Lock()
				acquired()
				value++
				mutex.Unlock()
			}
		case "work":
			return func(_, _ int, acquired func()) {
				mutex.Lock()
				acquired()
				value = spend(p.work, value)
				mutex.Unlock()
			}
		default:
			return func(_, _ int, acquired func()) {
				mutex.Lock()
				acquired()
				value++
				runtime.Gosched()
				mutex.Unlock()
			}
		}
	})
}

func mutexMemory(p plan, _ []string) sample {
	mutex := new(sync.Mutex)
	mutex.Lock()
	return parked(p, unsafe.Sizeof(*mutex), mutex.Lock)
}

func waitGroup(p plan, _ []string) sample {
	var group sync.WaitGroup
	group.Add(1)
	return repeat(p, 1, func(n int) {
		for range n {
			group.Add(1)
			group.Done()
		}
	})
}

func waitGroupSpawned(p plan, _ []string) sample {
	const tasks = 1000
	return repeat(p, tasks, func(n int) {
		for range n {
			var group sync.WaitGroup
			for range tasks {
				group.Add(1)
				go func() { group.Done() }()
			}
			group.Wait()
		}
	})
}

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

func rwmutexRead(p plan, _ []string) sample {
	var mutex sync.RWMutex
	var value, sum uint64
	out := repeat(p, 1, func(n int) {
		for range n {
			mutex.RLock()
			sum += value
			mutex.RUnlock()
		}
	})
	runtime.KeepAlive(&sum)
	return out
}

func rwmutexWrite(p plan, _ []string) sample {
	var mutex sync.RWMutex
	var value uint64
	return repeat(p, 1, func(n int) {
		for range n {
			mutex.Lock()
			value++
			mutex.Unlock()
		}
	})
}

// draw is the splitmix64 of rows/rwlock.rs.
func draw(task, turn int) uint64 {
	x := (uint64(turn) + 1 + uint64(task)<<40) * 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// slot is where a goroutine leaves what it read, so that the read is not optimised away.
type slot struct {
	value uint64
	_     [120]byte
}

func rwmutexMixed(p plan, arguments []string) sample {
	writes, tasks := uint64(number(arguments[0])), number(arguments[1])
	return contest(p, tasks, func() func(int, int, func()) {
		var mutex sync.RWMutex
		var value uint64
		read := make([]slot, tasks)
		return func(task, turn int, acquired func()) {
			if draw(task, turn)%100 < writes {
				mutex.Lock()
				acquired()
				value++
				mutex.Unlock()
			} else {
				mutex.RLock()
				acquired()
				read[task].value = value
				mutex.RUnlock()
			}
		}
	})
}

func rwmutexHammered(p plan, arguments []string) sample {
	tasks := number(arguments[0])
	return contest(p, tasks, func() func(int, int, func()) {
		var mutex sync.RWMutex
		var value uint64
		read := make([]slot, tasks)
		return func(task, turn int, acquired func()) {
			if task == 0 {
				mutex.Lock()
				acquired()
				value++
				mutex.Unlock()
				runtime.Gosched()
				return
			}
			mutex.RLock()
			read[task].value = value
			mutex.RUnlock()
			if turn%64 == 0 {
				runtime.Gosched()
			}
		}
	})
}

func rwmutexMemory(p plan, _ []string) sample {
	mutex := new(sync.RWMutex)
	mutex.Lock()
	return parked(p, unsafe.Sizeof(*mutex), mutex.RLock)
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

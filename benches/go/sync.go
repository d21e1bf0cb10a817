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

// channelPingPong has two goroutines tell each other through channels of capacity one, as an event that
// keeps one notification.
func channelPingPong(p plan, _ []string) sample {
	const turns = 1000
	ping, pong := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for range ping {
			pong <- struct{}{}
		}
	}()
	out := repeat(p, 2*turns, func(n int) {
		for range n * turns {
			ping <- struct{}{}
			<-pong
		}
	})
	close(ping)
	return out
}

// channelClosed has 1000 goroutines wait for 32 channels, one after the other; each is closed when all
// wait for it, as far as one can tell in Go: all are about to.
func channelClosed(p plan, _ []string) sample {
	const waiters, gates = 1000, 32
	return repeat(p, gates*waiters, func(n int) {
		for range n {
			var all [gates]chan struct{}
			for i := range all {
				all[i] = make(chan struct{})
			}
			var waiting [gates + 1]sync.WaitGroup
			for i := range waiting {
				waiting[i].Add(waiters)
			}
			for range waiters {
				go func() {
					for i := range all {
						waiting[i].Done()
						<-all[i]
					}
					waiting[gates].Done()
				}()
			}
			for i := range all {
				waiting[i].Wait()
				close(all[i])
			}
			waiting[gates].Wait()
		}
	})
}

// condBarrier is a cyclic barrier as one writes it in Go.
func condBarrier(p plan, _ []string) sample {
	const parties, rounds = 8, 1000
	return repeat(p, rounds, func(n int) {
		for range n {
			var mutex sync.Mutex
			cond := sync.NewCond(&mutex)
			arrived, generation := 0, 0
			meet := func() {
				mutex.Lock()
				mine := generation
				arrived++
				if arrived == parties {
					arrived = 0
					generation++
					cond.Broadcast()
				} else {
					for mine == generation {
						cond.Wait()
					}
				}
				mutex.Unlock()
			}
			var group sync.WaitGroup
			group.Add(parties)
			for range parties {
				go func() {
					for range rounds {
						meet()
					}
					group.Done()
				}()
			}
			group.Wait()
		}
	})
}

func condPingPong(p plan, _ []string) sample {
	const turns = 1000
	return repeat(p, turns, func(n int) {
		for range n {
			var mutex sync.Mutex
			cond := sync.NewCond(&mutex)
			number := 0
			var group sync.WaitGroup
			group.Add(2)
			for parity := range 2 {
				go func() {
					for range turns / 2 {
						mutex.Lock()
						for number%2 != parity {
							cond.Wait()
						}
						number++
						mutex.Unlock()
						cond.Signal()
					}
					group.Done()
				}()
			}
			group.Wait()
		}
	})
}

func condHerd(p plan, _ []string) sample {
	const tasks = 1000
	return repeat(p, tasks, func(n int) {
		for range n {
			var mutex sync.Mutex
			cond := sync.NewCond(&mutex)
			number := 0
			var group sync.WaitGroup
			group.Add(tasks)
			for range tasks {
				go func() {
					mutex.Lock()
					number++
					cond.Wait()
					number--
					mutex.Unlock()
					group.Done()
				}()
			}
			for {
				mutex.Lock()
				if number == tasks {
					break
				}
				mutex.Unlock()
				runtime.Gosched()
			}
			cond.Broadcast()
			runtime.Gosched()
			mutex.Unlock()
			group.Wait()
		}
	})
}

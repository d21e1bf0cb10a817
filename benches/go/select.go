package main

import "reflect"

// selectOne sends a message to one of so many channels, each time another one, and receives it by a
// select among all: eight cases that are written down, or any number of them by reflection.
func selectOne(p plan, arguments []string) sample {
	n := number(arguments[0])
	channels := make([]chan uint64, n)
	cases := make([]reflect.SelectCase, n)
	for i := range channels {
		channels[i] = make(chan uint64, 4)
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(channels[i])}
	}
	next := 0
	var sum uint64
	one := func() {
		next = (next + 3) % n
		channels[next] <- 7
		if n == 8 {
			select {
			case m := <-channels[0]:
				sum += m
			case m := <-channels[1]:
				sum += m
			case m := <-channels[2]:
				sum += m
			case m := <-channels[3]:
				sum += m
			case m := <-channels[4]:
				sum += m
			case m := <-channels[5]:
				sum += m
			case m := <-channels[6]:
				sum += m
			case m := <-channels[7]:
				sum += m
			}
			return
		}
		_, value, _ := reflect.Select(cases)
		sum += value.Uint()
	}
	result := repeat(p, 1, func(n int) {
		for range n {
			one()
		}
	})
	sink.Store(sum)
	return result
}

package main

import "sync"

func init() {
	cases["channel-free"] = channelFree
	cases["channel"] = channelItems
}

func channelFree(p plan, _ []string) sample {
	ch := make(chan uint64, 100)
	var sum uint64
	return repeat(p, 1, func(n int) {
		for range n {
			ch <- 7
			sum += <-ch
		}
		sink.Store(sum)
	})
}

// channelItems: capacity, senders, receivers.
func channelItems(p plan, arguments []string) sample {
	capacity, senders, receivers := number(arguments[0]), number(arguments[1]), number(arguments[2])
	items := max(1, 80000/p.shrink)
	return repeat(p, items, func(n int) {
		for range n {
			ch := make(chan uint64, capacity)
			var sending, receiving sync.WaitGroup
			for r := 0; r < receivers; r++ {
				receiving.Add(1)
				go func() {
					defer receiving.Done()
					var sum uint64
					for item := range ch {
						sum += item
					}
					sink.Store(sum)
				}()
			}
			for s := 0; s < senders; s++ {
				sending.Add(1)
				go func() {
					defer sending.Done()
					for item := s; item < items; item += senders {
						ch <- uint64(item)
					}
				}()
			}
			sending.Wait()
			close(ch)
			receiving.Wait()
		}
	})
}

package main

func init() {
	cases["pipeline"] = pipeline
}

// pipeline: three stages, a goroutine each, 128 places between two.
func pipeline(p plan, _ []string) sample {
	const stages, buffer = 3, 128
	items := uint64(max(1, 1000000/p.shrink))
	return repeat(p, int(items)*stages, func(n int) {
		for range n {
			source := make(chan uint64, buffer)
			go func() {
				defer close(source)
				for item := uint64(0); item < items; item++ {
					source <- item
				}
			}()
			var last <-chan uint64 = source
			for range stages {
				in, out := last, make(chan uint64, buffer)
				go func() {
					defer close(out)
					for item := range in {
						out <- item + 1
					}
				}()
				last = out
			}
			var sum uint64
			for item := range last {
				sum += item
			}
			sink.Store(sum)
		}
	})
}

// select_shared_done, peer go: as ../../select_shared_done_weft.c.
package main

import (
	"context"
	"sync"

	"weft/bench/peer"
)

// run returns the wall time; stop makes done ready.
func run(tasks, each int, done <-chan struct{}, stop func()) int64 {
	var feeders, workers sync.WaitGroup
	counts := make([]int, tasks)

	begin := peer.Now()
	feeders.Add(tasks)
	workers.Add(tasks)
	for t := 0; t < tasks; t++ {
		own := make(chan int)
		go func(t int) {
			defer workers.Done()
			for expected := 0; ; expected++ {
				select {
				case v := <-own:
					if v != expected {
						peer.Die("%d came instead of %d", v, expected)
					}
				case <-done:
					counts[t] = expected
					return
				}
			}
		}(t)
		go func() {
			for i := 0; i < each; i++ {
				own <- i
			}
			feeders.Done()
		}()
	}
	feeders.Wait()
	stop()
	workers.Wait()
	wall := peer.Now() - begin
	for t, count := range counts {
		peer.Check(count == each, "task %d got %d of %d messages", t, count, each)
	}
	return wall
}

func main() {
	options := map[string]int{"tasks": 64, "n": 3200000}
	peer.Parse(options)
	tasks := options["tasks"]
	each := options["n"] / tasks
	peer.Check(each > 0, "n is smaller than tasks")

	done := make(chan struct{})
	channel := run(tasks, each, done, func() { close(done) })
	ctx, cancel := context.WithCancel(context.Background())
	shared := run(tasks, each, ctx.Done(), cancel)

	selects := float64(tasks * (each + 1))
	peer.Emit("select_shared_done", float64(channel)/selects, "ns")
	peer.Emit("select_shared_ctx", float64(shared)/selects, "ns")
}

// spawn_block_1m, peer go: as ../../spawn_block_1m_weft.c, with sync.WaitGroup.
package main

import (
	"sync"
	"sync/atomic"

	"weft/bench/peer"
)

var (
	ready, gate, done sync.WaitGroup
	released          int64
)

func blocker() {
	ready.Done()
	gate.Wait()
	atomic.AddInt64(&released, 1)
	done.Done()
}

// wave returns its time in nanoseconds and the memory while all were blocked.
func wave(n int) (int64, int) {
	atomic.StoreInt64(&released, 0)
	begin := peer.Now()
	ready.Add(n)
	gate.Add(1)
	done.Add(n)
	for i := 0; i < n; i++ {
		go blocker()
	}
	ready.Wait()
	time := peer.Now() - begin
	peer.Check(atomic.LoadInt64(&released) == 0, "the gate did not hold")
	blocked := peer.MemoryKiB()
	begin = peer.Now()
	gate.Done()
	done.Wait()
	time += peer.Now() - begin
	peer.Check(atomic.LoadInt64(&released) == int64(n), "%d of %d goroutines were released", released, n)
	return time, blocked
}

func main() {
	options := map[string]int{"n": 1000000}
	peer.Parse(options)
	n := options["n"]
	before := peer.MemoryKiB()
	first, blocked := wave(n)
	second, _ := wave(n)
	peer.Emit("spawn_block_1m", float64(first)/1e9, "s")
	peer.Emit("spawn_block_1m_second", float64(second)/1e9, "s")
	peer.Emit("spawn_block_1m_kib", float64(blocked-before)/float64(n), "KiB")
}

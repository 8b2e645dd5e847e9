// spawn_join, peer go: batches of empty goroutines, each batch waited for. One batch of goroutines that
// count themselves comes first, outside the time: it shows that they run.
package main

import (
	"sync"
	"sync/atomic"

	"weft/bench/peer"
)

func main() {
	options := map[string]int{"batch": 1000, "n": 5000000}
	peer.Parse(options)
	batch := options["batch"]
	batches := options["n"] / batch
	peer.Check(batches > 0, "n is smaller than a batch")

	var group sync.WaitGroup
	var counted int64
	for i := 0; i < batch; i++ {
		group.Add(1)
		go func() {
			atomic.AddInt64(&counted, 1)
			group.Done()
		}()
	}
	group.Wait()
	peer.Check(counted == int64(batch), "%d of %d goroutines ran", counted, batch)

	empty := func() { group.Done() }
	begin := peer.Now()
	for b := 0; b < batches; b++ {
		for i := 0; i < batch; i++ {
			group.Add(1)
			go empty()
		}
		group.Wait()
	}
	peer.Emit("spawn_join", float64(peer.Now()-begin)/float64(batches*batch), "ns")
}

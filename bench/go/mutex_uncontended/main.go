// mutex_uncontended, peer go: as ../../mutex_uncontended_weft.c.
package main

import (
	"sync"

	"weft/bench/peer"
)

var shared struct {
	mutex   sync.Mutex
	counter int // protected by the mutex
}

func main() {
	options := map[string]int{"n": 80000000}
	peer.Parse(options)
	n := options["n"]

	begin := peer.Now()
	for i := 0; i < n; i++ {
		shared.mutex.Lock()
		shared.counter++
		shared.mutex.Unlock()
	}
	wall := peer.Now() - begin
	peer.Check(shared.counter == n, "it counted to %d of %d", shared.counter, n)
	peer.Emit("mutex_uncontended", float64(wall)/float64(n), "ns")
}

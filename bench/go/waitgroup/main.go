// waitgroup, peer go: as ../../waitgroup_weft.c.
package main

import (
	"sync"

	"weft/bench/peer"
)

var group sync.WaitGroup

func main() {
	options := map[string]int{"n": 80000000}
	peer.Parse(options)
	n := options["n"]

	begin := peer.Now()
	for i := 0; i < n; i++ {
		group.Add(1)
		group.Done()
		group.Wait()
	}
	peer.Emit("waitgroup", float64(peer.Now()-begin)/float64(n), "ns")
}

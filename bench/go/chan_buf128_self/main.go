// chan_buf128_self, peer go: as ../../chan_buf128_self_weft.c.
package main

import "weft/bench/peer"

const capacity = 128

func main() {
	options := map[string]int{"n": 40000000}
	peer.Parse(options)
	n := options["n"]
	own := make(chan int, capacity)

	begin := peer.Now()
	for i := 0; i < n; i++ {
		own <- i
		if v := <-own; v != i {
			peer.Die("%d came instead of %d", v, i)
		}
	}
	peer.Emit("chan_buf128_self", float64(peer.Now()-begin)/float64(n), "ns")
}

// select_ready, peer go: as ../../select_ready_weft.c.
package main

import (
	"weft/bench/peer"
	"weft/bench/selects"
)

func main() {
	options := map[string]int{"cases": 2, "n": 0}
	peer.Parse(options)
	cases, n := options["cases"], options["n"]
	if n == 0 {
		n = map[int]int{2: 20000000, 8: 5000000, 64: 400000}[cases]
	}
	choose := selects.Of(cases)
	peer.Check(choose != nil, "cases is 2, 8 or 64")
	c := selects.Make(cases, 1)
	seed := uint64(42)

	begin := peer.Now()
	for i := 0; i < n; i++ {
		ready := int(peer.Random(&seed)) & (cases - 1)
		c[ready] <- i
		if chosen, v := choose(c); chosen != ready || v != i {
			peer.Die("case %d with %d instead of case %d with %d", chosen, v, ready, i)
		}
	}
	peer.Emit("select_ready", float64(peer.Now()-begin)/float64(n), "ns")
}

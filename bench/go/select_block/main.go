// select_block, peer go: as ../../select_block_weft.c.
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
		n = map[int]int{2: 4000000, 8: 2000000, 64: 250000}[cases]
	}
	choose := selects.Of(cases)
	peer.Check(choose != nil, "cases is 2, 8 or 64")
	c, turn, missed := selects.Make(cases, 0), make(chan bool, 1), make(chan int)

	begin := peer.Now()
	go func() {
		misses := 0
		for i := 0; i < n; i++ {
			select {
			case c[i&(cases-1)] <- i:
			default:
				misses++
				c[i&(cases-1)] <- i
			}
			<-turn
		}
		missed <- misses
	}()
	for i := 0; i < n; i++ {
		if chosen, v := choose(c); chosen != i&(cases-1) || v != i {
			peer.Die("case %d with %d in round %d", chosen, v, i)
		}
		turn <- true
	}
	misses := <-missed
	wall := peer.Now() - begin
	peer.Check(options["procs"] > 1 || misses*100 <= n, "%d of %d selects did not wait", misses, n)
	peer.Emit("select_block", float64(wall)/float64(n), "ns")
}

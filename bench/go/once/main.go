// once, peer go: as ../../once_weft.c.
package main

import (
	"sync"

	"weft/bench/peer"
)

var (
	once sync.Once
	ran  int
)

func run() { ran++ }

func main() {
	options := map[string]int{"n": 8000000000}
	peer.Parse(options)
	n := options["n"]
	peer.Check(n%8 == 0, "n is not a multiple of 8")
	once.Do(run)

	begin := peer.Now()
	for i := 0; i < n; i += 8 {
		once.Do(run)
		once.Do(run)
		once.Do(run)
		once.Do(run)
		once.Do(run)
		once.Do(run)
		once.Do(run)
		once.Do(run)
	}
	wall := peer.Now() - begin
	peer.Check(ran == 1, "it ran %d times", ran)
	peer.Emit("once", float64(wall)/float64(n), "ns")
}

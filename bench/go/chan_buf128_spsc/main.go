// chan_buf128_spsc, peer go: as ../../chan_buf128_spsc_weft.c.
package main

import "weft/bench/peer"

const capacity = 128

func main() {
	options := map[string]int{"n": 40000000}
	peer.Parse(options)
	n := options["n"]
	messages := make(chan int, capacity)

	begin := peer.Now()
	go func() {
		for i := 0; i < n; i++ {
			messages <- i
		}
		close(messages)
	}()
	got := 0
	for v := range messages {
		if v != got {
			peer.Die("%d came instead of %d", v, got)
		}
		got++
	}
	wall := peer.Now() - begin
	peer.Check(got == n, "%d of %d messages came", got, n)
	peer.Emit("chan_buf128_spsc", float64(wall)/float64(n), "ns")
}

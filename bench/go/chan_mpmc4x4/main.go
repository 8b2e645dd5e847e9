// chan_mpmc4x4, peer go: as ../../chan_mpmc4x4_weft.c.
package main

import (
	"sync"

	"weft/bench/peer"
)

const sides = 4

// The receivers' own figures, apart from each other.
type tally struct {
	count, sum uint64
	_          [112]byte
}

func main() {
	options := map[string]int{"cap": 0, "unbuf": 0, "n": 0}
	peer.Parse(options)
	n, capacity := options["n"], options["cap"]
	peer.Check((capacity > 0) != (options["unbuf"] > 0), "cap=N or unbuf=1 is missing")
	if n == 0 && capacity > 0 {
		n = 20000000
	} else if n == 0 {
		n = 4000000
	}
	each := n / sides
	peer.Check(each > 0, "n is too small")
	messages := make(chan int, capacity)
	var tallies [sides]tally
	var senders, receivers sync.WaitGroup

	begin := peer.Now()
	senders.Add(sides)
	receivers.Add(sides)
	for s := 0; s < sides; s++ {
		go func(t *tally) {
			var count, sum uint64
			for v := range messages {
				count++
				sum += uint64(v)
			}
			t.count, t.sum = count, sum
			receivers.Done()
		}(&tallies[s])
		go func(first int) {
			for i := first; i < first+each; i++ {
				messages <- i
			}
			senders.Done()
		}(s * each)
	}
	senders.Wait()
	close(messages)
	receivers.Wait()
	wall := peer.Now() - begin

	all := uint64(sides * each)
	var count, sum uint64
	for i := range tallies {
		count += tallies[i].count
		sum += tallies[i].sum
	}
	peer.Check(count == all, "%d of %d messages came", count, all)
	peer.Check(sum == all*(all-1)/2, "the messages that came are not those that were sent")
	peer.Emit("chan_mpmc4x4", float64(wall)/float64(all), "ns")
}

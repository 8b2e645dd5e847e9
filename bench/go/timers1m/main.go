// timers1m, peer go: time.Sleep. The bench is described in ../../timers1m.h.
package main

import (
	"sync"
	"time"

	"weft/bench/peer"
)

const (
	seed  = 42
	unset = -1 << 63
)

type sleep struct {
	durationNs int64
	lateNs     int64 // written once, by the goroutine
}

func makeSleeps(n int) []sleep {
	sleeps := make([]sleep, n)
	state := uint64(seed)
	for i := range sleeps {
		sleeps[i].durationNs = int64(peer.Random(&state) % 1000000000)
		sleeps[i].lateNs = unset
	}
	return sleeps
}

func report(sleeps []sleep, wallNs int64, cpuS float64) {
	sum, most, longest := 0.0, int64(0), int64(0)
	for i := range sleeps {
		late := sleeps[i].lateNs
		peer.Check(late != unset, "sleep %d did not end", i)
		peer.Check(late >= 0, "sleep %d ended %d ns early", i, -late)
		sum += float64(late)
		if late > most {
			most = late
		}
		if sleeps[i].durationNs > longest {
			longest = sleeps[i].durationNs
		}
	}
	peer.Check(wallNs >= longest, "done before the longest sleep could be")
	peer.Emit("timers1m", float64(wallNs)/1e9, "s")
	peer.Emit("timers1m_cpu", cpuS, "s")
	peer.Emit("timers1m_late", sum/float64(len(sleeps))/1e6, "ms")
	peer.Emit("timers1m_late_max", float64(most)/1e6, "ms")
}

var all sync.WaitGroup

func sleeper(s *sleep) {
	begin := peer.Now()
	time.Sleep(time.Duration(s.durationNs))
	s.lateNs = peer.Now() - begin - s.durationNs
	all.Done()
}

func main() {
	options := map[string]int{"n": 1000000}
	peer.Parse(options)
	sleeps := makeSleeps(options["n"])
	cpu := peer.CPU()
	begin := peer.Now()
	all.Add(len(sleeps))
	for i := range sleeps {
		go sleeper(&sleeps[i])
	}
	all.Wait()
	wall := peer.Now() - begin
	report(sleeps, wall, peer.CPU()-cpu)
}

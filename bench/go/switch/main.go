// switch, peer go: runtime.Gosched. The bench is described in ../../switch.h.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"weft/bench/peer"
)

const (
	window   = 1021
	slack    = window / 10
	tasksMax = 64
)

// A task's count is written by its task and read by its partner, as plain words: an atomic store of Go
// is a locked instruction, which a relaxed one in C is not.
type task struct {
	count   int
	partner *task
	windows int
	uneven  int
	_       [96]byte
}

var (
	slots   [tasksMax]task
	reached int64
)

func (t *task) body(tasks, goal int) {
	mine, theirs, there := 0, 0, false
	for atomic.LoadInt64(&reached) < int64(tasks) {
		for i := 0; i < window; i++ {
			runtime.Gosched()
			mine++
			t.count = mine
		}
		seen := t.partner.count
		t.windows++
		if d := seen - theirs - window; d > slack || d < -slack {
			t.uneven++
		}
		theirs = seen
		if !there && mine >= goal {
			there = true
			atomic.AddInt64(&reached, 1)
		}
	}
}

func main() {
	options := map[string]int{"tasks": 2, "n": 5000000}
	peer.Parse(options)
	tasks, n := options["tasks"], options["n"]
	peer.Check(tasks <= tasksMax, "at most %d tasks", tasksMax)
	for i := 0; i < tasks; i++ {
		slots[i].partner = &slots[(i+1)%tasks]
	}
	var all sync.WaitGroup
	begin := peer.Now()
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func(t *task) {
			t.body(tasks, n)
			all.Done()
		}(&slots[i])
	}
	all.Wait()
	wall := peer.Now() - begin
	windows, uneven, made := 0, 0, 0
	for i := 0; i < tasks; i++ {
		peer.Check(slots[i].count >= n, "task %d made only %d yields", i, slots[i].count)
		made += slots[i].count
		windows += slots[i].windows
		uneven += slots[i].uneven
	}
	counted := tasks * n
	if options["procs"] == 1 && tasks == 2 {
		peer.Check(uneven*50 < windows, "%d of %d windows out of step", uneven, windows)
		counted = made
	}
	peer.Emit("switch", float64(wall)/float64(counted), "ns")
}

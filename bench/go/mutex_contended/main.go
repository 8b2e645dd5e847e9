// mutex_contended, peer go. The bench is described in ../../mutex_contended.h.
package main

import (
	"os"
	"sync"
	"sync/atomic"

	"weft/bench/peer"
)

const (
	tasksMax = 64
	steps    = 6
	seed     = 1
)

// A task's own figures, apart from the others'.
type task struct {
	count   uint64
	longest int64
	_       [112]byte
}

// The mutex and what it protects, apart from the rest.
var shared struct {
	_       [128]byte
	mutex   sync.Mutex
	counter uint64
	number  uint64
	_       [128]byte
}

// step takes all steps of one operation.
func step(x uint64) uint64 {
	for i := 0; i < steps; i++ {
		x ^= x >> 32
		x *= 0x9e3779b97f4a7c15
	}
	return x
}

func (t *task) fight(c *clock, end int64) {
	var count uint64
	var longest int64
	for {
		asked := atomic.LoadInt64(&c.now)
		shared.mutex.Lock()
		got := atomic.LoadInt64(&c.now)
		shared.counter++
		shared.number = step(shared.number)
		shared.mutex.Unlock()
		if got-asked > longest {
			longest = got - asked
		}
		count++
		if got >= end {
			break
		}
	}
	t.count, t.longest = count, longest
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "tick" {
		tick(os.Args[2])
		return
	}
	options := map[string]int{"tasks": 0, "ms": 1000}
	peer.Parse(options)
	n := options["tasks"]
	peer.Check(n > 0 && n <= tasksMax, "tasks= is missing, or more than %d", tasksMax)
	c, ticker := startClock()
	tasks := make([]task, n)
	var ready, gate, ended sync.WaitGroup
	var end int64
	shared.number = seed

	ready.Add(n)
	ended.Add(n)
	gate.Add(1)
	for i := range tasks {
		go func(t *task) {
			ready.Done()
			gate.Wait()
			t.fight(c, end)
			ended.Done()
		}(&tasks[i])
	}
	ready.Wait()
	atomic.StoreInt64(&c.gap, 0)
	cpu := peer.CPU()
	begin := peer.Now()
	end = atomic.LoadInt64(&c.now) + 1000000*int64(options["ms"])
	gate.Done()
	ended.Wait()
	wall := float64(peer.Now()-begin) / 1e9
	cpu = peer.CPU() - cpu
	gap := atomic.LoadInt64(&c.gap)
	ticker.Process.Kill()
	ticker.Wait()
	report(tasks, wall, cpu, gap)
}

// report checks what the tasks have done and prints the metrics.
func report(tasks []task, wall, cpu float64, gap int64) {
	var sum uint64
	var longest int64
	least, number := ^uint64(0), uint64(seed)
	for i := range tasks {
		t := &tasks[i]
		peer.Check(t.count > 0, "task %d did nothing", i)
		sum += t.count
		if t.count < least {
			least = t.count
		}
		if t.longest > longest {
			longest = t.longest
		}
	}
	peer.Check(shared.counter == sum, "it counted to %d of %d", shared.counter, sum)
	for i := uint64(0); i < sum; i++ {
		number = step(number)
	}
	peer.Check(shared.number == number, "not every step began where the one before had ended")
	peer.Emit("mutex_contended", float64(sum)/wall/1e6, "M/s")
	peer.Emit("mutex_contended_wait", float64(longest)/1e6, "ms")
	peer.Emit("mutex_contended_share", 100*float64(least)*float64(len(tasks))/float64(sum), "%")
	peer.Emit("mutex_contended_cores", cpu/wall, "CPUs")
	peer.Emit("mutex_contended_tick", float64(gap)/1e6, "ms")
}

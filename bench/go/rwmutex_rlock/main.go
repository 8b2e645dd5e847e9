// rwmutex_rlock, peer go: as ../../rwmutex_rlock_pthread.c.
package main

import (
	"sync"

	"weft/bench/peer"
)

// The lock and the number that it protects, apart from each other and the rest.
var shared struct {
	_      [128]byte
	lock   sync.RWMutex
	_      [128]byte
	number int
	_      [128]byte
}

func read(n int) {
	sum := 0
	for i := 0; i < n; i++ {
		shared.lock.RLock()
		sum += shared.number
		shared.lock.RUnlock()
	}
	peer.Check(sum == 3*n, "a reader came to %d, not %d", sum, 3*n)
}

func main() {
	options := map[string]int{"n": 20000000}
	peer.Parse(options)
	n, tasks := options["n"], options["procs"]
	var ready, gate, ended sync.WaitGroup
	shared.number = 3

	ready.Add(tasks)
	ended.Add(tasks)
	gate.Add(1)
	for i := 0; i < tasks; i++ {
		go func() {
			ready.Done()
			gate.Wait()
			read(n)
			ended.Done()
		}()
	}
	ready.Wait()
	begin := peer.Now()
	gate.Done()
	ended.Wait()
	wall := peer.Now() - begin
	peer.Check(shared.lock.TryLock(), "somebody still reads")
	peer.Emit("rwmutex_rlock", float64(wall)/float64(n), "ns")
}

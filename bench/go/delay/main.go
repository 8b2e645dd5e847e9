// delay, peer go: what goroutines that burn or block do to the others, and what an idle process costs. The
// bench is described in ../../delay_weft.c.
package main

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"weft/bench/peer"
)

const span = 200 * time.Millisecond

var (
	procs int
	fds   [2]int
	stop  int32
	worst int64
)

func burn() {
	for end := peer.Now() + int64(span); peer.Now() < end; {
	}
}

func block() {
	var b [1]byte
	n, err := syscall.Read(fds[0], b[:])
	peer.Check(n == 1, "read: %v", err)
}

func sleeper() {
	for atomic.LoadInt32(&stop) == 0 {
		begin := peer.Now()
		time.Sleep(time.Millisecond)
		if late := peer.Now() - begin - int64(time.Millisecond); late > worst {
			worst = late
		}
	}
}

func delay(fn func()) float64 {
	var busy, watch sync.WaitGroup
	atomic.StoreInt32(&stop, 0)
	watch.Add(1)
	go func() { sleeper(); watch.Done() }()
	time.Sleep(20 * time.Millisecond)
	worst = 0
	for i := 0; i < procs; i++ {
		busy.Add(1)
		go func() { fn(); busy.Done() }()
	}
	busy.Wait()
	atomic.StoreInt32(&stop, 1)
	watch.Wait()
	return float64(worst) / 1e6
}

func main() {
	options := map[string]int{"idle_s": 3}
	peer.Parse(options)
	procs = options["procs"]
	burned := delay(burn)
	err := syscall.Pipe(fds[:])
	peer.Check(err == nil, "pipe: %v", err)
	go func() {
		time.Sleep(span)
		for i := 0; i < procs; i++ {
			n, err := syscall.Write(fds[1], []byte("x"))
			peer.Check(n == 1, "write: %v", err)
		}
	}()
	blocked := delay(block)
	time.Sleep(300 * time.Millisecond)
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	time.Sleep(time.Duration(options["idle_s"]) * time.Second)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	peer.Emit("delay_burn", burned, "ms")
	peer.Emit("delay_block", blocked, "ms")
	peer.Emit("idle_wakeups", float64(after.Nvcsw-before.Nvcsw)/float64(options["idle_s"]), "/s")
}

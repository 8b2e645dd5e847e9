package main

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"weft/bench/peer"
)

const tickNS = 100000

// clock is the word that a process of its own sets every tickNS; ../../mutex_contended.h says why. The
// process is this program again, with the arguments "tick" and who its parent is, and the memory as its file
// descriptor 3.
type clock struct {
	now int64 // the monotonic clock at the last tick. Atomic
	_   [120]byte
	gap int64 // the longest time between two ticks. Atomic
}

func mapClock(file *os.File) *clock {
	page, err := syscall.Mmap(int(file.Fd()), 0, int(unsafe.Sizeof(clock{})),
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	peer.Check(err == nil, "mmap: %v", err)
	return (*clock)(unsafe.Pointer(&page[0]))
}

// startClock starts the process and waits until it ticks.
func startClock() (*clock, *exec.Cmd) {
	file, err := os.CreateTemp("/dev/shm", "mutex_contended")
	peer.Check(err == nil, "%v", err)
	err = os.Remove(file.Name())
	peer.Check(err == nil, "%v", err)
	err = file.Truncate(int64(unsafe.Sizeof(clock{})))
	peer.Check(err == nil, "%v", err)
	c := mapClock(file)
	ticker := exec.Command("/proc/self/exe", "tick", strconv.Itoa(os.Getpid()))
	ticker.ExtraFiles = []*os.File{file}
	ticker.Stderr = os.Stderr
	ticker.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	err = ticker.Start()
	peer.Check(err == nil, "%v", err)
	for atomic.LoadInt64(&c.now) == 0 {
		runtime.Gosched()
	}
	return c, ticker
}

// tick is that process, until its parent is gone. All calls are raw system calls, which have no place where
// the runtime could take the goroutine off its thread: to come back it would need threads that have no
// real-time priority, and some milliseconds.
func tick(argument string) {
	const prSetTimerslack, schedFIFO, clockMonotonic = 29, 1, 1
	parent, err := strconv.Atoi(argument)
	peer.Check(err == nil, "%v", err)
	runtime.LockOSThread()
	c := mapClock(os.NewFile(3, "clock"))
	span := syscall.Timespec{Nsec: tickNS}
	var at syscall.Timespec
	priority := int32(1)
	before := int64(0)
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerslack, 1, 0)
	syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedFIFO, uintptr(unsafe.Pointer(&priority)))
	for {
		ppid, _, _ := syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
		if int(ppid) != parent {
			return
		}
		syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&at)), 0)
		now := at.Sec*1000000000 + at.Nsec
		if before > 0 && now-before > atomic.LoadInt64(&c.gap) {
			atomic.StoreInt64(&c.gap, now-before)
		}
		atomic.StoreInt64(&c.now, now)
		before = now
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&span)), 0, 0)
	}
}

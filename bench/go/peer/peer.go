// Package peer is what every bench program in Go shares: arguments, clocks, memory, random numbers,
// output. It does what ../../bench.h does in C; the conventions are told there.
package peer

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var config string

// Die ends the program with status 1 and a reason.
func Die(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "%s (%s): %s\n", filepath.Base(os.Args[0]), runtime.Version(),
		fmt.Sprintf(format, args...))
	os.Exit(1)
}

// Check ends the program when the condition does not hold.
func Check(condition bool, format string, args ...interface{}) {
	if !condition {
		Die(format, args...)
	}
}

// Parse reads key=value arguments; options has the known keys with their defaults. procs= must be given,
// and is set.
func Parse(options map[string]int) {
	options["procs"] = 0
	for _, arg := range os.Args[1:] {
		equals := strings.IndexByte(arg, '=')
		Check(equals > 0, "unknown argument %s", arg)
		_, known := options[arg[:equals]]
		Check(known, "unknown argument %s", arg)
		value, err := strconv.Atoi(arg[equals+1:])
		Check(err == nil && value > 0, "bad value in %s", arg)
		options[arg[:equals]] = value
	}
	config = strings.Join(os.Args[1:], ",")
	Check(options["procs"] > 0, "usage: procs=N [key=value ...]: procs= is missing")
	runtime.GOMAXPROCS(options["procs"])
}

// Emit prints one metric.
func Emit(bench string, value float64, unit string) {
	fmt.Printf("%s\t%s\t%.6g\t%s\n", bench, config, value, unit)
}

// Now is the time of the monotonic clock since the program began, in nanoseconds.
func Now() int64 {
	return int64(time.Since(began))
}

var began = time.Now()

// CPU is the processor time of this process so far, user and system, in seconds.
func CPU() float64 {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	Check(err == nil, "getrusage: %v", err)
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

// MemoryKiB is the memory of this process now: resident pages and page tables.
func MemoryKiB() int {
	return status("VmRSS") + status("VmPTE")
}

// PeakMiB is the most resident memory that this process has had.
func PeakMiB() float64 {
	return float64(status("VmHWM")) / 1024
}

// status is a field of /proc/self/status, in KiB.
func status(field string) int {
	file, err := os.Open("/proc/self/status")
	Check(err == nil, "%v", err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == field+":" {
			value, err := strconv.Atoi(fields[1])
			Check(err == nil, "%v", err)
			return value
		}
	}
	Die("no %s in /proc/self/status", field)
	return 0
}

// Random is splitmix64: the same numbers from the same seed in every peer.
func Random(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// skynet1m, peer go: as ../../skynet1m_weft.c.
package main

import "weft/bench/peer"

func skynet(out chan int, num, size, div int) {
	if size == 1 {
		out <- num
		return
	}
	in := make(chan int)
	sum := 0
	for i := 0; i < div; i++ {
		go skynet(in, num+i*(size/div), size/div, div)
	}
	for i := 0; i < div; i++ {
		sum += <-in
	}
	out <- sum
}

func main() {
	options := map[string]int{"n": 1000000}
	peer.Parse(options)
	n := options["n"]
	for size := n; size > 1; size /= 10 {
		peer.Check(size%10 == 0, "n is a power of ten")
	}

	begin := peer.Now()
	result := make(chan int)
	go skynet(result, 0, n, 10)
	sum := <-result
	wall := peer.Now() - begin
	peer.Check(sum == n*(n-1)/2, "the sum is %d", sum)
	peer.Emit("skynet1m", float64(wall)/1e9, "s")
	peer.Emit("skynet1m_mib", peer.PeakMiB(), "MiB")
}

// sieve2000, peer go: as ../../sieve2000_weft.c.
package main

import "weft/bench/peer"

func generate(out chan<- int) {
	for i := 2; ; i++ {
		out <- i
	}
}

func filter(in <-chan int, out chan<- int, prime int) {
	for {
		i := <-in
		if i%prime != 0 {
			out <- i
		}
	}
}

func main() {
	options := map[string]int{"n": 2000}
	peer.Parse(options)
	n, prime := options["n"], 0

	begin := peer.Now()
	ch := make(chan int)
	go generate(ch)
	for i := 0; i < n; i++ {
		prime = <-ch
		next := make(chan int)
		go filter(ch, next, prime)
		ch = next
	}
	wall := peer.Now() - begin
	switch n {
	case 2000:
		peer.Check(prime == 17389, "%d is not the 2000th prime", prime)
	case 200:
		peer.Check(prime == 1223, "%d is not the 200th prime", prime)
	default:
		peer.Die("n is 2000 or 200")
	}
	peer.Emit("sieve2000", float64(wall)/1e9, "s")
}

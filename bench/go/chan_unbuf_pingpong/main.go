// chan_unbuf_pingpong, peer go: as ../../chan_unbuf_pingpong_weft.c.
package main

import "weft/bench/peer"

func main() {
	options := map[string]int{"n": 10000000}
	peer.Parse(options)
	rounds := options["n"] / 2
	peer.Check(rounds > 0, "n is too small")
	ping, pong, ended := make(chan int), make(chan int), make(chan bool)

	begin := peer.Now()
	go func() {
		for i := 0; i < rounds; i++ {
			v := <-ping
			pong <- v + 1
		}
		ended <- true
	}()
	for i := 0; i < rounds; i++ {
		ping <- 2 * i
		if v := <-pong; v != 2*i+1 {
			peer.Die("%d came back in round %d", v, i)
		}
	}
	<-ended
	peer.Emit("chan_unbuf_pingpong", float64(peer.Now()-begin)/float64(2*rounds), "ns")
}

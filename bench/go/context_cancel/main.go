// context_cancel, peer go: as ../../context_cancel_weft.c. The context package keeps no count of handles: in
// its place each child's cancel function is called, as every program should.
package main

import (
	"context"

	"weft/bench/peer"
)

func main() {
	options := map[string]int{"children": 100000, "n": 30}
	peer.Parse(options)
	children, n := options["children"], options["n"]
	var create, cancel, release int64
	contexts := make([]context.Context, children)
	cancels := make([]context.CancelFunc, children)

	for round := 0; round < n; round++ {
		root, stop := context.WithCancel(context.Background())
		begin := peer.Now()
		for i := range contexts {
			contexts[i], cancels[i] = context.WithCancel(root)
		}
		create += peer.Now() - begin
		for i := range contexts {
			if contexts[i].Err() != nil {
				peer.Die("child %d is cancelled too early", i)
			}
		}
		begin = peer.Now()
		stop()
		for i := range contexts {
			if contexts[i].Err() != context.Canceled {
				peer.Die("child %d was not told", i)
			}
		}
		cancel += peer.Now() - begin
		begin = peer.Now()
		for i := range contexts {
			cancels[i]()
		}
		release += peer.Now() - begin
	}
	peer.Emit("context_cancel", float64(cancel)/float64(n)/1e6, "ms")
	peer.Emit("context_cancel_create", float64(create)/float64(n)/1e6, "ms")
	peer.Emit("context_cancel_release", float64(release)/float64(n)/1e6, "ms")
}

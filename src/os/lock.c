/* lock.c - the slow half of lock.h (the three-state futex lock of Drepper, "Futexes Are Tricky"). */
#include "os/lock.h"

enum { SPINS = 60 };

void weft__lock_slow(uint32_t *lock)
{
	for (int i = 0; i < SPINS; i++) {
		weft__pause();
		if (at_load(lock, RELAXED) == 0 && lock_try(lock))
			return;
	}
	while (at_xchg(lock, 2, ACQUIRE) != 0)
		weft__os_futex_wait(lock, 2, WEFT_NEVER);
}

void weft__lock_wake(uint32_t *lock)
{
	weft__os_futex_wake(lock, 1);
}

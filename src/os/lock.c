/* lock.c - the slow half of lock.h. */
#include "os/lock.h"

enum {
	SPINS = 12, /* looks at the word, with longer and longer pauses between them */
	PAUSES = 1,
	PAUSES_MOST = 32,
	PAUSES_POLITE = 64, /* some hundred nanoseconds: a core does several messages meanwhile */
	PAUSES_POLITE_MOST = 128,
	YIELDS = 64,
	NAP = 50000, /* ns */
	TABLE = 64   /* sleepers by the lock's address: those of other locks are not woken for nothing */
};

uint32_t weft__lock_sleepers;
static uint32_t table[TABLE]; /* atomic */

static uint32_t *place(const uint32_t *lock)
{
	uintptr_t address = (uintptr_t)lock;

	return &table[(address >> 4 ^ address >> 10) % TABLE];
}

static void wait(uint32_t *lock, int pauses, int most)
{
	for (int i = 0; i < SPINS; i++) {
		for (int n = 0; n < pauses; n++)
			weft__pause();
		if (at_load(lock, RELAXED) == 0 && lock_try(lock))
			return;
		if (pauses < most)
			pauses *= 2;
	}
	at_add(place(lock), 1, RELAXED);
	at_add(&weft__lock_sleepers, 1, RELAXED);
	heavy_barrier(); /* sleepers before the word: pairs with the light barrier in lock_release */
	while (!lock_try(lock))
		weft__os_futex_wait(lock, 1, WEFT_NEVER);
	at_sub(&weft__lock_sleepers, 1, RELAXED);
	at_sub(place(lock), 1, RELAXED);
}

void weft__lock_slow(uint32_t *lock)
{
	wait(lock, PAUSES, PAUSES_MOST);
}

void weft__lock_polite(uint32_t *lock)
{
	if (!lock_try(lock))
		wait(lock, PAUSES_POLITE, PAUSES_POLITE_MOST);
}

void weft__lock_wake(uint32_t *lock)
{
	if (at_load(place(lock), RELAXED) != 0)
		weft__os_futex_wake(lock, 1);
}

NOINLINE void weft__spin_wait_long(int i)
{
	static uint32_t never;

	if (i < YIELDS * 64)
		weft__os_thread_yield();
	else
		weft__os_futex_wait(&never, 0, weft__os_now() + NAP);
}

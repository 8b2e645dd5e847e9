/*
 * spin.c - Spin lock and seqlock.
 *
 * Spin lock: one word, 0 free, 1 held. The swap that sets it is an acquire, the store that clears it a
 * release. Who waits looks by plain loads, so that the line stays with the holder until it writes.
 *
 * Seqlock: one number, odd while somebody writes; the swap from even to odd is the writers' lock.
 *
 *     writer k                              reader
 *     2k -> 2k+1   acquire                  s = number, until it is even   acquire
 *     data = ...   release, each            ... = data                     acquire, each
 *     2k+2         release                  number == s: good              relaxed
 *
 * A reader sees what was written at s, for it acquires s. If it reads a word of a later writer k, it
 * acquires what k did before: that the number became 2k+1 > s. So its last look finds another number than
 * s, and the copy is thrown away. Fences in place of the acquires and releases of the data would do, and
 * save a little on processors where those are not plain moves; but ThreadSanitizer does not understand
 * fences.
 *
 * The copies use the same sizes of accesses on both sides, for they depend on the address in shared memory
 * and the size only.
 *
 * Rejected: a lock for the writers beside the number, one atomic store more; a ticket lock, which is fair,
 * but stands still when the kernel takes the next in line off its core; to park a task: then a section
 * would cost what a mutex costs.
 */
#include <errno.h>
#include <string.h>

#include <weft/spin.h>

#include "base/choose.h"
#include "os/lock.h"
#include "sched/sched.h"

enum {
	LOOKS = CHAOS ? 1 : 12, /* with longer and longer pauses between them */
	PAUSES_MOST = 32,
	YIELDS = 64,
	NAP = 50000 /* ns */
};

/* The i-th wait, from 0 on. */
static NOINLINE void back_off(unsigned i)
{
	static uint32_t never;

	if (i < LOOKS) {
		for (unsigned n = i < 5 ? 1u << i : PAUSES_MOST; n > 0; n--)
			weft__pause();
	} else if (i < LOOKS + YIELDS) {
		weft__os_thread_yield();
	} else {
		/* It may have priority over the one that it waits for. */
		weft__os_futex_wait(&never, 0, weft__os_now() + NAP);
	}
}

/* ---- spin lock ---- */

ALWAYS_INLINE bool take(weft_spin_t *spin)
{
	uint32_t unlocked = 0;

	/* Acquire: pairs with the release of an unlock. */
	return at_load(&spin->weft__state, RELAXED) == 0 &&
	       at_cas(&spin->weft__state, &unlocked, 1, ACQUIRE, RELAXED);
}

void(weft_spin_lock)(weft_spin_t *spin)
{
	for (unsigned i = 0; !take(spin); i++)
		back_off(i);
}

int weft_spin_try_lock(weft_spin_t *spin)
{
	return take(spin) ? 0 : -EBUSY;
}

void(weft_spin_unlock)(weft_spin_t *spin)
{
	if (unlikely(at_load(&spin->weft__state, RELAXED) == 0))
		weft__panic("weft_spin_unlock: spin lock %p is not locked", (void *)spin);
	at_store(&spin->weft__state, 0, RELEASE); /* pairs with the acquire of the next lock */
}

/* ---- seqlock ---- */

void weft_seqlock_write_begin(weft_seqlock_t *seqlock)
{
	uint64_t sequence;

	for (unsigned i = 0;; i++) {
		sequence = at_load(&seqlock->weft__sequence, RELAXED);
		/* Acquire: pairs with the release in write_end. */
		if (likely(sequence % 2 == 0) &&
			likely(at_cas(&seqlock->weft__sequence, &sequence, sequence + 1, ACQUIRE, RELAXED)))
			return;
		back_off(i);
	}
}

void weft_seqlock_write_end(weft_seqlock_t *seqlock)
{
	uint64_t sequence = at_load(&seqlock->weft__sequence, RELAXED);

	if (unlikely(sequence % 2 == 0))
		weft__panic("weft_seqlock_write_end: seqlock %p is not being written", (void *)seqlock);
	at_store(&seqlock->weft__sequence, sequence + 1, RELEASE); /* pairs with read_begin and write_begin */
}

uint64_t(weft_seqlock_read_begin)(const weft_seqlock_t *seqlock)
{
	uint64_t sequence;

	/* Acquire: pairs with the release in write_end. */
	for (unsigned i = 0; (sequence = at_load(&seqlock->weft__sequence, ACQUIRE)) % 2 != 0; i++)
		back_off(i);
	return sequence;
}

bool(weft_seqlock_read_retry)(const weft_seqlock_t *seqlock, uint64_t sequence)
{
	return weft__seqlock_read_retry(seqlock, sequence);
}

/* The object may be of any type. */
typedef uint64_t word_t __attribute__((may_alias));

static bool is_word(const void *p, size_t left)
{
	return (uintptr_t)p % sizeof(word_t) == 0 && left >= sizeof(word_t);
}

/* Each load is an acquire that pairs with the release of copy_in. */
static void copy_out(unsigned char *to, const unsigned char *shared, size_t size)
{
	while (size > 0) {
		size_t n = 1;
		if (likely(is_word(shared, size))) {
			word_t word = at_load((const word_t *)(const void *)shared, ACQUIRE);
			n = sizeof word;
			memcpy(to, &word, n);
		} else {
			*to = at_load(shared, ACQUIRE);
		}
		to += n;
		shared += n;
		size -= n;
	}
}

/* Each store is a release, for copy_out; with the number that is odd by then. */
static void copy_in(unsigned char *shared, const unsigned char *from, size_t size)
{
	while (size > 0) {
		size_t n = 1;
		if (likely(is_word(shared, size))) {
			word_t word;
			n = sizeof word;
			memcpy(&word, from, n);
			at_store((word_t *)(void *)shared, word, RELEASE);
		} else {
			at_store(shared, *from, RELEASE);
		}
		from += n;
		shared += n;
		size -= n;
	}
}

void weft_seqlock_load(const weft_seqlock_t *seqlock, void *to, const void *shared, size_t size)
{
	for (unsigned i = 0;; i++) {
		uint64_t sequence = weft_seqlock_read_begin(seqlock);
		copy_out(to, shared, size);
		if (likely(!weft_seqlock_read_retry(seqlock, sequence)))
			return;
		back_off(i);
	}
}

void weft_seqlock_store(weft_seqlock_t *seqlock, void *shared, const void *from, size_t size)
{
	weft_seqlock_write_begin(seqlock);
	copy_in(shared, from, size);
	weft_seqlock_write_end(seqlock);
}

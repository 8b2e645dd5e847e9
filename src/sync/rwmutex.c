/*
 * rwmutex.c - Read-write mutex.
 *
 * state, one word:
 *     WRITER    a writer holds it
 *     PENDING   somebody waits, or is about to, or looks at the whole: who has `lock` changes state, nobody
 *               else. Set by a compare-and-swap under `lock`
 *     SLOTS     readers may count in slots. Then there is neither WRITER nor PENDING
 *     STREAK    in units of STREAK: read locks counted here since a writer was here last; up to NEEDED
 *     READER    in units of READER: read locks counted here
 *
 * Under `lock`: the queues of waiting readers and of waiting writers, each first come first. While nobody has
 * `lock`, PENDING means that there is one in a queue; and then WRITER is set, or readers hold the mutex and a
 * writer waits. settle() brings that about whenever somebody leaves the mutex or a queue:
 *
 *     a writer unlocks         all waiting readers get it; if there are none, the first writer
 *     the last reader unlocks  the first writer gets it; if all of them have given up, the readers
 *     a writer gives up        the readers, if it was the last one they waited for
 *
 * So a writer waits for one crowd of readers before each writer before it, and a reader for one writer:
 * neither starves, as in Go. Who gets it need not look again: it is counted, or WRITER is set, before it is
 * woken. A waiter that could not be claimed has timed out; it was dropped from the queue and is not counted.
 *
 * Slots. A locked operation on state moves its line between the cores that read: ten times the price of the
 * whole call. So a thread counts the read locks that were taken on it in a word of its own record, by a plain
 * store, as long as no writer comes. The word tells which mutex it counts, and is free when the count is 0;
 * a mutex has one place in the records of all threads, by its address, and when another mutex has the word,
 * the reader counts in state. The section (bias.h) protects the words:
 *
 *     reader, rlock or runlock                  gather(), under `lock`
 *     self->section = rw                        state: SLOTS off, PENDING on
 *     light half of a barrier                   heavy half
 *     state has SLOTS -> changes its word       each thread: wait while its section == rw; add its word to
 *     self->section = NULL                      the readers of state, and free it
 *
 * Either the reader sees that SLOTS is off and does nothing to the word, or gather() sees the section and
 * waits for its end. Afterwards nobody but gather() touches the words that count rw.
 *
 * A runlock whose thread has counted none (the task has moved, or the lock was handed to it) takes one off
 * the readers in state instead, whoever's that is; only the sum means anything. If there is none it gathers.
 * So the sum is exact when it matters, and misuse is found out.
 *
 * SLOTS is set by a reader who finds that NEEDED read locks came without a writer in between. Gathering
 * interrupts every core that runs a thread of the process, for a microsecond or, in a virtual machine, some
 * ten; so after it SLOTS stays off for PATIENCE times as long as it took (`shared_until`): a program whose
 * writers come at the worst moments loses a tenth of its time by it at most. That is the rule of BRAVO (Dice
 * and Kogan, USENIX ATC 2019), whose readers announce themselves in one table for all, by locked operations
 * on lines that mostly are their own. Older is the idea of a lock for each core, of which a writer takes all
 * (the "big reader lock" of Linux 2.4). A count of reads in place of the time was tried on paper and
 * rejected: what a count is worth depends on the machine, and reads in slots cannot be counted without a
 * write. Slots in processors' records in place of threads' would be fewer, but a reader that blocks in the
 * kernel would come back to another processor, and plain threads have none. Where there are no unequal
 * barriers (os/barrier.h), SLOTS is never set.
 *
 * The memory may go as soon as nobody holds the mutex and no call to lock it is on its way. An unlock that
 * finds nobody waiting ends with its swap on state, and has released `lock` before, if it needed it. One that
 * holds `lock` and finds PENDING has a waiter that is still in its call: it gets the mutex, or stays in the
 * queue, or has timed out and needs `lock` itself; so the memory stays until `lock` is released, which is
 * the last that the unlock touches. A reader that counted itself out in its word does not touch the mutex
 * after that; its section may outlive the mutex by some instructions, and is only compared.
 *
 * Order. Who locks acquires state from who unlocked: swaps and, under `lock`, a store that releases all that
 * its writer acquired by `lock`. Who is woken acquires its waiter's state, which the claim released. A reader
 * in a slot acquires by its load of state, and releases by the store to its word; gather() acquires by its
 * load of that word and releases it by the store that frees it, for the word may count another mutex next. A
 * thread that joins the list of threads after gather() has looked sees SLOTS off, as by a late section.
 */
#include "sync/rwmutex.h"

#include "sync/context.h"
#include "sync/wake.h"

#define WRITER ((uint64_t)1)
#define PENDING ((uint64_t)2)
#define SLOTS ((uint64_t)4)
#define STREAK ((uint64_t)8)
#define READER ((uint64_t)1 << 20)
#define STREAKS (READER - STREAK)

enum {
	NEEDED = CHAOS ? 2 : 128,
	PATIENCE = CHAOS ? 0 : 9,
	COUNT_MOST = 2047 /* in a slot */
};

/* ---- slots ---- */

/*
 * A word in a slot is the key of a mutex plus a count: the address is a multiple of 8, and its highest byte
 * tells nothing.
 */
ALWAYS_INLINE uint64_t slot_key(const weft_rwmutex_t *rw)
{
	return (uint64_t)(uintptr_t)rw << 8;
}

ALWAYS_INLINE uint64_t *slot_of(struct weft__thread *t, const weft_rwmutex_t *rw)
{
	return &t->read_slots[(uint32_t)((uintptr_t)rw >> 3) * 2654435769u >> (32 - READ_SLOTS_SHIFT)];
}

/* May the words be touched? The section has to be ended in any case. */
ALWAYS_INLINE bool section_begin(struct weft__thread *self, const weft_rwmutex_t *rw)
{
	at_store(&self->section, rw, RELAXED);
	compiler_barrier(); /* section before state: the light half, pairs with gather */
	/* Acquire: what the writers before did. */
	return likely(at_load(&rw->weft__state, ACQUIRE) & SLOTS);
}

ALWAYS_INLINE void section_end(struct weft__thread *self)
{
	at_store(&self->section, NULL, RELEASE); /* pairs with the wait in gather */
}

/* Counts a read lock in the thread's slot; false: state has to do. */
ALWAYS_INLINE bool slot_add(weft_rwmutex_t *rw)
{
	struct weft__thread *self = weft__self();
	uint64_t key = slot_key(rw), word, *slot;
	bool done = false;

	if (unlikely(self == NULL))
		return false;
	if (section_begin(self, rw)) {
		slot = slot_of(self, rw);
		word = at_load(slot, RELAXED); /* acquired when gather freed it: only its own are changed */
		done = true;
		/* Release, also where nothing was read yet: pairs with the load in gather. */
		if (likely(word - key < COUNT_MOST))
			at_store(slot, word + 1, RELEASE);
		else if ((word & COUNT_MOST) == 0)
			at_store(slot, key + 1, RELEASE);
		else
			done = false;
	}
	section_end(self);
	return done;
}

/* Takes one off again; false: there is none. */
ALWAYS_INLINE bool slot_sub(weft_rwmutex_t *rw)
{
	struct weft__thread *self = weft__self();
	uint64_t word, *slot;
	bool done = false;

	if (unlikely(self == NULL))
		return false;
	if (section_begin(self, rw)) {
		slot = slot_of(self, rw);
		word = at_load(slot, RELAXED);
		done = likely(word - slot_key(rw) - 1 < COUNT_MOST);
		if (done)
			at_store(slot, word - 1, RELEASE); /* pairs with the load in gather */
	}
	section_end(self);
	return done;
}

/*
 * SLOTS was cleared and PENDING set, by the holder of the lock: how many read locks stand in slots; they do
 * not any more.
 */
static COLD uint64_t gather(weft_rwmutex_t *rw)
{
	weft_time_t begin = weft__os_now(), end;
	uint64_t key = slot_key(rw), sum = 0;

	if (unlikely(at_load(&rt.state, RELAXED) == RT_FORKED))
		(void)weft__start(); /* says it: the other threads are not in this process */
	heavy_barrier();             /* state before section: pairs with the light half in section_begin */
	for (struct weft__thread *t = at_load(&rt.all_threads, ACQUIRE); t != NULL; t = t->all_next) {
		uint64_t *slot = slot_of(t, rw), count;
		/* Acquire: what it did to its word. */
		for (int i = 1; at_load(&t->section, ACQUIRE) == rw; i++)
			spin_wait(i);
		/* Acquire: what the readers did. */
		count = at_load(slot, ACQUIRE) - key;
		if (count - 1 < COUNT_MOST) {
			at_store(slot, 0, RELEASE); /* for the next gather, of another mutex */
			sum += count;
		}
	}
	end = weft__os_now();
	at_store(&rw->weft__shared_until, PATIENCE == 0 ? 0 : end + PATIENCE * (end - begin), RELAXED);
	return sum;
}

/* ---- state ---- */

/* Is it time to count in slots? */
static NOINLINE bool slots_pay(weft_rwmutex_t *rw)
{
	return weft__barriers_unequal && at_load(&rw->weft__shared_until, RELAXED) <= weft__os_now();
}

/* Counts a read lock in state; false: a writer holds it, or somebody waits. */
static bool share(weft_rwmutex_t *rw)
{
	uint64_t state = at_load(&rw->weft__state, RELAXED), next;
	bool slots = weft__self() != NULL;

	while (!(state & (WRITER | PENDING))) {
		next = state + READER;
		if (!(state & SLOTS) && likely(slots)) {
			next += STREAK;
			if (unlikely((next & STREAKS) >= NEEDED * STREAK))
				next = (next & ~STREAKS) | (slots_pay(rw) ? SLOTS : 0);
		}
		/* Acquire: what the writers before did. */
		if (likely(at_cas(&rw->weft__state, &state, next, ACQUIRE, RELAXED)))
			return true;
	}
	return false;
}

/* Locks it for writing if nobody holds it, nobody waits, and readers do not count in slots. */
ALWAYS_INLINE bool take(weft_rwmutex_t *rw)
{
	uint64_t state = 0;

	do {
		/* Acquire: what all holders before did. */
		if (likely(at_cas(&rw->weft__state, &state, WRITER, ACQUIRE, RELAXED)))
			return true;
	} while ((state & ~STREAKS) == 0);
	return false;
}

/*
 * From here on only the holder of the lock changes state: returns it, with PENDING and all readers. Requires
 * the lock; before it is released, state is to be stored.
 */
static uint64_t hold_back(weft_rwmutex_t *rw)
{
	uint64_t state = at_load(&rw->weft__state, ACQUIRE), next;

	/* Acquire: what those did who have unlocked. */
	do {
		next = (state | PENDING) & ~(SLOTS | STREAKS);
	} while (!(state & PENDING) && !at_cas(&rw->weft__state, &state, next, ACQUIRE, ACQUIRE));
	return state & SLOTS ? next + READER * gather(rw) : next;
}

/* Release, for who acquires state without the lock. Requires the lock, and PENDING in state until now. */
ALWAYS_INLINE void put_state(weft_rwmutex_t *rw, uint64_t state)
{
	at_store(&rw->weft__state, state, RELEASE);
}

/*
 * Gives the mutex to those whose turn it is, if it can be had, and stores the state: `state` is what it is
 * now, with PENDING. Requires the lock.
 */
static void settle(weft_rwmutex_t *rw, uint64_t state, bool written, struct wake *wake)
{
	struct weft__waiter *w;

	ASSERT((state & PENDING) && !(state & SLOTS));
	if (written)
		state += READER * weft__wake_take_all(wake, &rw->weft__readers);
	while (state < READER && !(state & WRITER) && (w = waitq_first(rw->weft__writers)) != NULL) {
		waitq_remove(&rw->weft__writers, w);
		if (wake_take(wake, w))
			state |= WRITER;
	}
	if (rw->weft__writers == NULL && !(state & WRITER))
		state += READER * weft__wake_take_all(wake, &rw->weft__readers);
	if (rw->weft__readers == NULL && rw->weft__writers == NULL)
		state &= ~PENDING;
	put_state(rw, state);
}

/* ---- waiting ---- */

/* Waits in the queue. Inside, with the lock; state is stored, with PENDING. Leaves. */
static int wait(struct weft__thread *self, weft_rwmutex_t *rw, void **queue, struct weft__limit limit,
	const char *reason)
{
	struct wake wake = { NULL, NULL };
	struct weft__waiter w;
	int err;

	weft__waiter_init(self, &w);
	waitq_add(queue, &w);
	self = park(self, &w, &rw->weft__lock, limit, reason);
	err = weft__wait_error(&w);
	if (err != 0) {
		lock_acquire(&rw->weft__lock);
		if (waitq_has(&w)) {
			waitq_remove(queue, &w);
			/* Acquire: what those did who have unlocked, for who gets it now. */
			settle(rw, at_load(&rw->weft__state, ACQUIRE), false, &wake);
		}
		lock_release(&rw->weft__lock);
		weft__wake_inside(self, &wake);
	}
	leave(self);
	return err;
}

static NOINLINE int lock_slow(weft_rwmutex_t *rw, struct weft__limit limit)
{
	struct weft__thread *self;
	uint64_t state;
	int err;

	if ((err = limit_over(limit)) != 0) {
		/* It is taken all the same if it can be had, but not by one who was cancelled. */
		return limit.cancel == NULL && weft_rwmutex_try_lock(rw) == 0 ? 0 : err;
	}
	if ((err = known()) != 0)
		return weft_rwmutex_try_lock(rw) == 0 ? 0 : err;
	self = enter();
	lock_acquire(&rw->weft__lock);
	state = hold_back(rw);
	if (state < READER && !(state & WRITER)) {
		/* Then nobody waits. */
		put_state(rw, WRITER);
		lock_release(&rw->weft__lock);
		leave(self);
		return 0;
	}
	put_state(rw, state);
	return wait(self, rw, &rw->weft__writers, limit, "rwmutex, to write");
}

/* Lets one wait; false: it is locked for reading. Requires the lock. */
static bool share_or_announce(weft_rwmutex_t *rw)
{
	uint64_t state;

	do {
		if (share(rw))
			return false;
		state = at_load(&rw->weft__state, RELAXED);
	} while (!(state & PENDING) &&
		 (!(state & WRITER) || !at_cas(&rw->weft__state, &state, state | PENDING, RELAXED, RELAXED)));
	return true;
}

static NOINLINE int rlock_slow(weft_rwmutex_t *rw, struct weft__limit limit)
{
	struct weft__thread *self;
	int err;

	/* A gathering holds it back, too: then it can be had all the same. */
	if ((err = limit_over(limit)) != 0)
		return limit.cancel == NULL && weft_rwmutex_try_rlock(rw) == 0 ? 0 : err;
	if ((err = known()) != 0)
		return weft_rwmutex_try_rlock(rw) == 0 ? 0 : err;
	self = enter();
	lock_acquire(&rw->weft__lock);
	if (share_or_announce(rw))
		return wait(self, rw, &rw->weft__readers, limit, "rwmutex, to read");
	lock_release(&rw->weft__lock);
	leave(self);
	return 0;
}

/* ---- writers ---- */

ALWAYS_INLINE int lock_limit(weft_rwmutex_t *rw, struct weft__limit limit)
{
	return likely(take(rw)) ? 0 : lock_slow(rw, limit);
}

int weft_rwmutex_lock(weft_rwmutex_t *rw)
{
	return lock_limit(rw, limit_none());
}

int weft_rwmutex_lock_until(weft_rwmutex_t *rw, weft_time_t deadline)
{
	return lock_limit(rw, limit_until(deadline));
}

int weft_rwmutex_lock_ctx(weft_rwmutex_t *rw, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);
	int err = limit_canceled(limit);

	return err != 0 ? err : lock_limit(rw, limit);
}

/* Readers may stand in slots, or somebody looks at the whole just now. */
static NOINLINE int try_lock_slow(weft_rwmutex_t *rw)
{
	uint64_t state;
	int err = -EBUSY;

	lock_acquire(&rw->weft__lock);
	if (!(at_load(&rw->weft__state, RELAXED) & (WRITER | PENDING))) {
		state = hold_back(rw);
		if (state < READER && !(state & WRITER)) {
			state = WRITER;
			err = 0;
		}
		put_state(rw, state & ~PENDING); /* nobody waits */
	}
	lock_release(&rw->weft__lock);
	return err;
}

int weft_rwmutex_try_lock(weft_rwmutex_t *rw)
{
	uint64_t state;

	if (take(rw))
		return 0;
	state = at_load(&rw->weft__state, RELAXED);
	return state >= READER || (state & WRITER) ? -EBUSY : try_lock_slow(rw);
}

bool weft__rwmutex_write_locked(const weft_rwmutex_t *rw)
{
	return at_load(&rw->weft__state, RELAXED) & WRITER;
}

static NOINLINE void unlock_slow(weft_rwmutex_t *rw, struct wake *wake)
{
	for (;;) {
		uint64_t state = at_load(&rw->weft__state, RELAXED);
		if (unlikely(!(state & WRITER)))
			weft__panic("weft_rwmutex_unlock: rwmutex %p is not locked for writing", (void *)rw);
		if (!(state & PENDING)) {
			if (at_cas(&rw->weft__state, &state, state & ~WRITER, RELEASE, RELAXED))
				return;
			continue;
		}
		lock_acquire(&rw->weft__lock);
		state = at_load(&rw->weft__state, RELAXED); /* a holder has acquired what was before it */
		if ((state & (WRITER | PENDING)) == (WRITER | PENDING)) {
			settle(rw, state & ~WRITER, true, wake);
			lock_release(&rw->weft__lock);
			return;
		}
		/* Who waited has given up. The memory may go with the swap, so it comes after the lock. */
		lock_release(&rw->weft__lock);
	}
}

ALWAYS_INLINE void unlock(weft_rwmutex_t *rw, struct wake *wake)
{
	uint64_t state = WRITER;

	if (unlikely(!at_cas(&rw->weft__state, &state, 0, RELEASE, RELAXED)))
		unlock_slow(rw, wake);
}

void weft_rwmutex_unlock(weft_rwmutex_t *rw)
{
	struct wake wake = { NULL, NULL };

	unlock(rw, &wake);
	weft__wake(&wake);
}

void weft__rwmutex_unlock_inside(struct weft__thread *self, weft_rwmutex_t *rw)
{
	struct wake wake = { NULL, NULL };

	unlock(rw, &wake);
	weft__wake_inside(self, &wake);
}

/* ---- readers ---- */

/* The part of an rlock behind the slots. */
static NOINLINE int rlock_shared(weft_rwmutex_t *rw, struct weft__limit limit)
{
	return likely(share(rw)) ? 0 : rlock_slow(rw, limit);
}

int weft_rwmutex_rlock(weft_rwmutex_t *rw)
{
	return likely(slot_add(rw)) ? 0 : rlock_shared(rw, limit_none());
}

int weft_rwmutex_rlock_until(weft_rwmutex_t *rw, weft_time_t deadline)
{
	return likely(slot_add(rw)) ? 0 : rlock_shared(rw, limit_until(deadline));
}

int weft_rwmutex_rlock_ctx(weft_rwmutex_t *rw, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);
	int err = limit_canceled(limit);

	return err != 0 || likely(slot_add(rw)) ? err : rlock_shared(rw, limit);
}

int weft_rwmutex_try_rlock(weft_rwmutex_t *rw)
{
	bool done = slot_add(rw) || share(rw);

	/* When nobody writes, somebody may merely look at the whole; PENDING is exact under the lock. */
	if (!done && !(at_load(&rw->weft__state, RELAXED) & WRITER)) {
		lock_acquire(&rw->weft__lock);
		done = share(rw);
		lock_release(&rw->weft__lock);
	}
	return done ? 0 : -EBUSY;
}

/* Readers were in slots, or there are none: makes state say it. Requires the lock. Returns it. */
static uint64_t count_all(weft_rwmutex_t *rw)
{
	uint64_t state = at_load(&rw->weft__state, ACQUIRE);

	if (state < READER && (state & SLOTS)) {
		state = hold_back(rw) & ~PENDING; /* nobody waits */
		put_state(rw, state);
	}
	if (unlikely(state < READER))
		weft__panic("weft_rwmutex_runlock: rwmutex %p is not locked for reading", (void *)rw);
	return state;
}

static NOINLINE void runlock_shared(weft_rwmutex_t *rw, struct wake *wake)
{
	for (;;) {
		uint64_t state = at_load(&rw->weft__state, RELAXED);
		if (state >= READER && !(state & PENDING)) {
			/* Release: what this reader did, for the writers after it. */
			if (at_cas(&rw->weft__state, &state, state - READER, RELEASE, RELAXED))
				return;
			continue;
		}
		lock_acquire(&rw->weft__lock);
		state = count_all(rw);
		if (state & PENDING) {
			settle(rw, state - READER, false, wake);
			lock_release(&rw->weft__lock);
			return;
		}
		/* The memory may go with the swap, so it comes after the lock. */
		lock_release(&rw->weft__lock);
	}
}

void weft_rwmutex_runlock(weft_rwmutex_t *rw)
{
	struct wake wake = { NULL, NULL };

	if (likely(slot_sub(rw)))
		return;
	runlock_shared(rw, &wake);
	weft__wake(&wake);
}

void weft__rwmutex_runlock_inside(struct weft__thread *self, weft_rwmutex_t *rw)
{
	struct wake wake = { NULL, NULL };

	if (likely(slot_sub(rw)))
		return;
	runlock_shared(rw, &wake);
	weft__wake_inside(self, &wake);
}

/*
 * mutex.c - Mutex.
 *
 * state, one word:
 *     LOCKED    somebody holds it
 *     WAITERS   the queue is not empty
 *     WOKEN     a waiter was taken off the queue to compete for the mutex, and has not done so yet
 *
 * The queue is under `lock`, first come first. WAITERS is changed under it, and set only while LOCKED is set.
 *
 * Who comes takes the mutex when it is free, also past those that wait: handing it over at each unlock would
 * cost a switch for each. So an unlock frees it and wakes the first waiter to compete; while that one is on
 * its way (WOKEN) further unlocks wake nobody. A woken one that loses goes back to the front of the queue.
 * When it has waited for PATIENCE by then it is marked, and the next unlock hands the mutex to it: LOCKED
 * stays set and nobody can pass. So nobody starves, and the order of waiting is kept but for newcomers.
 *
 *     while the queue is not empty, the mutex is locked or somebody was woken
 *
 *   lock     queues only by a compare-and-swap that finds LOCKED set, under `lock`; the holder's unlock comes
 *            later and sees WAITERS
 *   unlock   with LOCKED still set, takes a waiter off under `lock`, sets WOKEN, releases `lock`, and last of
 *            all clears LOCKED. What queues in between is woken by the one who was woken now, at its unlock.
 *            When all in the queue have timed out there is nobody to wake; then it looks again
 *   woken    takes the mutex and clears WOKEN in one step, or, under `lock`, queues and clears WOKEN in one
 *            step that finds LOCKED set
 *   limit    who has timed out takes `lock`, leaves the queue if an unlock has not dropped it already, and
 *            takes the mutex if it is free (but not one who was cancelled). One that an unlock has claimed
 *            has not timed out: it competes
 *
 * The memory may go as soon as the mutex is free and nobody waits: the last thing that an unlock touches is
 * state, when it clears LOCKED; what it has handed over it does not touch any more. A waiter that was claimed
 * stays until it is made ready.
 *
 * Order: the swap that clears LOCKED is a release, the one that sets it an acquire. One who is handed the
 * mutex acquires by its waiter's state, which the claim released.
 */
#include "sync/mutex.h"

#include "sync/context.h"
#include "sync/wake.h"

enum { LOCKED = 1, WAITERS = 2, WOKEN = 4 }; /* LOCKED stands in weft/mutex.h, too */

enum { PATIENCE = CHAOS ? 0 : 1000000 }; /* ns */

struct locker {
	struct weft__waiter waiter;
	bool starves; /* its own, before it queues */
	bool handed;  /* by the unlock that claimed it: the mutex is its own */
};

/* Takes it if it is free, and clears `woken`, which is WOKEN or 0. `state` is what it probably is. */
ALWAYS_INLINE bool take(weft_mutex_t *m, uint32_t state, uint32_t woken)
{
	while (!(state & LOCKED))
		if (likely(at_cas(&m->weft__state, &state, (state | LOCKED) & ~woken, ACQUIRE, RELAXED)))
			return true;
	return false;
}

/* The same; when it is locked, announces that the caller will queue. Requires the lock. */
static bool take_or_announce(weft_mutex_t *m, uint32_t woken)
{
	uint32_t state = at_load(&m->weft__state, RELAXED);

	do {
		if (take(m, state, woken))
			return true;
		state = at_load(&m->weft__state, RELAXED);
	} while (!(state & LOCKED) ||
		 !at_cas(&m->weft__state, &state, (state | WAITERS) & ~woken, RELAXED, RELAXED));
	return false;
}

/*
 * Its time is over: leaves the queue. True: but the mutex is free, and now its own, unless it was cancelled.
 * Requires the lock.
 */
static bool give_up(weft_mutex_t *m, struct locker *me, struct weft__limit limit)
{
	if (waitq_has(&me->waiter)) {
		waitq_remove(&m->weft__waiters, &me->waiter);
		/* It was in the queue, so WAITERS is set. */
		if (m->weft__waiters == NULL)
			at_sub(&m->weft__state, WAITERS, RELAXED);
	}
	return limit.cancel == NULL && take(m, at_load(&m->weft__state, RELAXED), 0);
}

static NOINLINE int lock_slow(weft_mutex_t *m, struct weft__limit limit)
{
	struct weft__thread *self;
	struct locker me = { .starves = false, .handed = false };
	weft_time_t since;
	uint32_t woken = 0;
	int err;

	if ((err = limit_over(limit)) != 0 || (err = known()) != 0)
		return err;
	self = enter();
	since = weft__os_now();
	lock_acquire(&m->weft__lock);
	while (!take_or_announce(m, woken)) {
		weft__waiter_init(self, &me.waiter);
		if (woken) {
			me.starves = weft__os_now() - since >= PATIENCE;
			waitq_add_front(&m->weft__waiters, &me.waiter);
		} else {
			waitq_add(&m->weft__waiters, &me.waiter);
		}
		self = park(self, &me.waiter, &m->weft__lock, limit, "mutex");
		err = weft__wait_error(&me.waiter);
		if (err == 0 && (me.handed || take(m, WOKEN, WOKEN))) {
			leave(self);
			return 0;
		}
		lock_acquire(&m->weft__lock);
		if (err != 0) {
			if (give_up(m, &me, limit))
				err = 0;
			break;
		}
		woken = WOKEN;
	}
	lock_release(&m->weft__lock);
	leave(self);
	return err;
}

ALWAYS_INLINE int lock_limit(weft_mutex_t *m, struct weft__limit limit)
{
	return likely(take(m, 0, 0)) ? 0 : lock_slow(m, limit);
}

int(weft_mutex_lock)(weft_mutex_t *mutex)
{
	return lock_limit(mutex, limit_none());
}

int weft_mutex_lock_until(weft_mutex_t *mutex, weft_time_t deadline)
{
	return lock_limit(mutex, limit_until(deadline));
}

int weft_mutex_lock_ctx(weft_mutex_t *mutex, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);
	int err = limit_canceled(limit);

	return err != 0 ? err : lock_limit(mutex, limit);
}

int weft_mutex_try_lock(weft_mutex_t *mutex)
{
	/* Looks first: one who tries again and again leaves the line to the holder. */
	return take(mutex, at_load(&mutex->weft__state, RELAXED), 0) ? 0 : -EBUSY;
}

bool weft__mutex_locked(const weft_mutex_t *mutex)
{
	return at_load(&mutex->weft__state, RELAXED) & LOCKED;
}

/* The first waiter that can be claimed; NULL: none. By the holder. */
static struct locker *claim_first(weft_mutex_t *m)
{
	struct weft__waiter *w;
	struct locker *next = NULL;
	uint32_t state = LOCKED;

	lock_acquire(&m->weft__lock);
	while ((w = waitq_first(m->weft__waiters)) != NULL) {
		waitq_remove(&m->weft__waiters, w);
		if (weft__claim(w, WAIT_WOKEN)) {
			next = container_of(w, struct locker, waiter);
			next->handed = next->starves;
			break;
		}
	}
	if (next != NULL && !next->handed)
		state |= WOKEN;
	if (m->weft__waiters != NULL)
		state |= WAITERS;
	/* With LOCKED and the lock both its own, nobody else changes it. */
	at_store(&m->weft__state, state, RELAXED);
	lock_release(&m->weft__lock);
	return next;
}

/* Unlocks it but for the fast path; the waiter that must be made ready, or NULL. */
static NOINLINE struct weft__waiter *unlock_slow(weft_mutex_t *m, uint32_t state)
{
	for (;;) {
		if (unlikely(!(state & LOCKED)))
			weft__panic("weft_mutex_unlock: mutex %p is not locked", (void *)m);
		if ((state & (WAITERS | WOKEN)) == WAITERS) {
			struct locker *next = claim_first(m);
			if (next != NULL) {
				if (!next->handed)
					at_sub(&m->weft__state, LOCKED, RELEASE);
				return &next->waiter;
			}
			state = at_load(&m->weft__state, RELAXED);
		} else if (at_cas(&m->weft__state, &state, state & ~(uint32_t)LOCKED, RELEASE, RELAXED)) {
			return NULL;
		}
	}
}

/* The waiter that must be made ready, or NULL. */
ALWAYS_INLINE struct weft__waiter *unlock(weft_mutex_t *m)
{
	uint32_t state = LOCKED;

	return likely(at_cas(&m->weft__state, &state, 0, RELEASE, RELAXED)) ? NULL : unlock_slow(m, state);
}

void weft__mutex_unlock_inside(struct weft__thread *self, weft_mutex_t *mutex)
{
	struct weft__waiter *w = unlock(mutex);

	if (w != NULL)
		weft__ready(self, w);
}

void(weft_mutex_unlock)(weft_mutex_t *mutex)
{
	struct weft__waiter *w = unlock(mutex);

	if (unlikely(w != NULL)) {
		/* Without memory for a record it is woken all the same. */
		struct weft__thread *self = known() == 0 ? enter() : NULL;
		weft__ready(self, w);
		if (self != NULL)
			leave(self);
	}
}

/*
 * mutex.c - Mutex.
 *
 * state, one word:
 *     bit 0     LOCKED    somebody holds it
 *     bit 1     WAITERS   the queue is not empty
 *     bit 2     WOKEN     somebody is awake who has waited, or spins on behalf of those who do; until it has
 *                         the mutex or queues, unlocks need to wake nobody
 *     bit 3     STARVING  go1.9: each unlock hands over
 *     4 to 6    POLICY    enum weft_mutex_policy; constant
 *     8 to 11   LEASE      1 + log2 of how often it may be taken in one lease; 0: as LEASE_FIRST
 *     12 to 31  COUNT     how often it was taken in this lease
 *
 *     LEASE and COUNT mean something while WAITERS or WOKEN is set, and are the default policy's. Without
 *     contention the word of a default mutex is 0 or LOCKED. STARVING without WAITERS: only until the one who
 *     was handed the mutex has looked.
 *
 * The queue is under `lock`, first come first. WAITERS is changed under it.
 *
 *     while the queue is not empty, the mutex is locked or WOKEN is set
 *
 *   lock     takes it when it is unlocked, also past those that wait, as the policy has it. Else queues by a
 *            compare-and-swap that finds LOCKED or another's WOKEN, under `lock`: whose unlock comes later
 *            and sees WAITERS
 *   unlock   with LOCKED still set, takes a waiter off under `lock`, sets WOKEN, releases `lock`, and last of
 *            all clears LOCKED. What queues in between is woken by the one who was woken now, at its unlock.
 *            When all in the queue have timed out there is nobody to wake; then it looks again. Or it hands
 *            over: LOCKED stays, the waiter has it, nobody can pass
 *   woken    takes the mutex and clears WOKEN in one step, or, under `lock`, queues and clears WOKEN in one
 *            step that finds LOCKED set
 *   limit    who has timed out takes `lock`, leaves the queue if an unlock has not dropped it already, and
 *            takes the mutex if it is free (but not one who was cancelled). One that an unlock has claimed
 *            has not timed out: it competes
 *
 * The default policy. Two things are dear: a line that goes from core to core, and a switch for each time
 * that the mutex is taken. So while others wait, who runs takes it again and again, for a lease of about
 * LEASE_NS; then it gives way: it queues, although the mutex is free, and parks. The waiter that the first
 * unlock of the lease has woken stands in the next slot of the same processor: one switch, and the next lease
 * begins, on the line that is here already. So tasks that do little else than fight for one mutex come
 * together on one processor and take turns in the order of coming; who waits waits for one lease of each that
 * is before it.
 *
 * - A lease is counted, not timed: a clock at each lock would cost as much as the lock. The count that makes
 *   LEASE_NS is found at the end of each lease.
 * - Nobody gives way when nothing else could run here: the woken one is on its way on another processor, or
 *   is a plain thread. It competes; if it loses after PATIENCE, the next unlock hands over to it.
 * - Where one time takes long (SPREAD_LEASE), or who came has spun and never saw the mutex free, a processor
 *   is better used than saved: the woken waiter goes to the queue, where another may take it at once.
 * - Who comes while nobody waits spins first, and leaves the line alone in between: two that fight on two
 *   processors let each other go on for some microseconds.
 *
 * The memory may go as soon as the mutex is free and nobody waits: the last thing that an unlock touches is
 * state, when it clears LOCKED; what it has handed over it does not touch any more. A waiter that was claimed
 * stays until it is made ready. Who queues when it gives way does so while another is WOKEN, who uses the
 * mutex and so keeps it.
 *
 * Order: the swap that clears LOCKED is a release, the one that sets it an acquire. One who is handed the
 * mutex acquires by its waiter's state, which the claim released.
 */
#include "sync/mutex.h"

#include "sync/context.h"
#include "sync/wake.h"

/* The first three stand in weft/mutex.h, too, and so does POLICY's place. */
enum {
	LOCKED = 1,
	WAITERS = 2,
	WOKEN = 4,
	STARVING = 8,
	FLAGS = LOCKED | WAITERS | WOKEN | STARVING,
	POLICY_SHIFT = 4,
	POLICY = 7 << POLICY_SHIFT,
	LEASE_SHIFT = 8,
	LEASE = 15 << LEASE_SHIFT,
	COUNT_SHIFT = 12,
	COUNT_ONE = 1 << COUNT_SHIFT
};

enum {
	PATIENCE = CHAOS ? 0 : 1000000, /* ns */
	LEASE_NS = CHAOS ? 0 : 25000,
	LEASE_FIRST = CHAOS ? 2 : 7,
	LEASE_MOST = CHAOS ? 2 : 15,
	LEASE_DROP = 3,   /* most that it is lowered by at once */
	SPREAD_LEASE = 6, /* and below: one time takes about a microsecond */
	GO_ROUNDS = 4,
	GO_PAUSES = 30,
	LOOKS = CHAOS ? 2 : 7,
	LOOK_PAUSES = 12, /* before the first look; half as many more before each further one */
	YIELD_LOOKS = 8
};

static const struct policy {
	const char *name;
	bool queues;          /* who waits sleeps */
	bool leases;          /* as told above */
	bool spins;           /* who comes spins as Go does, before it queues */
	bool to_front;        /* one who was woken and has lost waits before the others */
	bool hands;           /* each unlock hands over */
	bool starving;        /* when patience is over, each unlock does until nobody starves */
	weft_time_t patience; /* who was passed after so long gets it by handing over */
} policies[(POLICY >> POLICY_SHIFT) + 1] = {
	[WEFT_MUTEX_DEFAULT] = { "default", true, true, false, true, false, false, PATIENCE },
	[WEFT_MUTEX_BARGING] = { "barging", true, false, false, false, false, false, WEFT_NEVER },
	[WEFT_MUTEX_HANDOFF] = { "handoff", true, false, false, false, true, false, WEFT_NEVER },
	[WEFT_MUTEX_SPINNING] = { "spinning", false, false, false, false, false, false, WEFT_NEVER },
	[WEFT_MUTEX_GO18] = { "go1.8", true, false, true, false, false, false, WEFT_NEVER },
	[WEFT_MUTEX_GO19] = { "go1.9", true, false, true, true, false, true, PATIENCE },
};

struct locker {
	struct weft__waiter waiter;
	const struct policy *policy;
	weft_time_t since;
	uint32_t woken; /* WOKEN while it is the one that is awake, else 0 */
	uint32_t lease; /* gives way: LEASE of the next lease; else 0 */
	bool waited;    /* has slept before */
	bool starves;   /* the next unlock hands over to it */
	bool long_held; /* has spun, and never saw it free */
	/* by the unlock that claimed it */
	bool handed; /* the mutex is its own */
	bool spread;
};

static const struct policy *policy_of(uint32_t state)
{
	return &policies[(state & POLICY) >> POLICY_SHIFT];
}

const char *weft_mutex_policy_name(weft_mutex_policy_t policy)
{
	return (unsigned)policy < WEFT_MUTEX_POLICIES ? policies[policy].name : NULL;
}

ALWAYS_INLINE uint32_t lease_of(uint32_t state)
{
	uint32_t lease = (state & LEASE) >> LEASE_SHIFT;

	return lease != 0 ? lease : LEASE_FIRST;
}

/* Only the default's, while another is on its way. */
ALWAYS_INLINE bool lease_over(uint32_t state)
{
	return (state & (WOKEN | POLICY)) == WOKEN && state >> COUNT_SHIFT >= 1u << (lease_of(state) - 1);
}

/* What `state`, which is not locked, becomes when it is taken. woken: WOKEN, and it is cleared; or 0. */
ALWAYS_INLINE uint32_t taken(uint32_t state, uint32_t woken)
{
	if (!woken)
		return (state | LOCKED) + (state & WOKEN ? COUNT_ONE : 0);
	if (!(state & WAITERS))
		return (state & POLICY) | LOCKED;
	return (state & (WAITERS | POLICY | LEASE)) | LOCKED;
}

/* Takes it if it is free. `state` is what it probably is. */
ALWAYS_INLINE bool take(weft_mutex_t *m, uint32_t state, uint32_t woken)
{
	while (!(state & LOCKED))
		if (likely(at_cas(&m->weft__state, &state, taken(state, woken), ACQUIRE, RELAXED)))
			return true;
	return false;
}

ALWAYS_INLINE bool take_now(weft_mutex_t *m, uint32_t woken)
{
	return take(m, at_load(&m->weft__state, RELAXED), woken);
}

/* ---- before it queues ---- */

/* Could the caller's processor do something else meanwhile? A plain thread's core is its own. */
static bool others_wait(const struct weft__thread *self)
{
	const struct weft__proc *p = self->proc;

	if (self->task == NULL)
		return false;
	return rt.single || p == NULL || at_load(&p->next, RELAXED) != NULL || queue_length(p) != 0 ||
	       at_load(&rt.global_count, RELAXED) != 0;
}

/* The default's way: looks seldom, and not at all where others sleep for it. */
static bool spin_politely(weft_mutex_t *m, const struct weft__thread *self, struct locker *me)
{
	int pauses = LOOK_PAUSES;
	bool seen_free = false;

	for (int i = 0; i < LOOKS && !others_wait(self); i++, pauses += pauses / 2) {
		uint32_t state;
		for (int j = 0; j < pauses; j++)
			weft__pause();
		state = at_load(&m->weft__state, RELAXED);
		if (state & WAITERS)
			return false;
		me->long_held = i == LOOKS - 1 && (state & LOCKED) && !seen_free;
		if (state & LOCKED)
			continue;
		seen_free = true;
		if (take(m, state, me->woken))
			return true;
	}
	return false;
}

/* Go's way; among those that wait, it is the one that is awake. */
static bool spin_as_go(weft_mutex_t *m, const struct weft__thread *self, struct locker *me)
{
	for (int round = 0; round < GO_ROUNDS && !others_wait(self); round++) {
		uint32_t state = at_load(&m->weft__state, RELAXED);
		if (!(state & LOCKED))
			return take(m, state, me->woken);
		if (state & STARVING)
			return false;
		if (!me->woken && (state & (WOKEN | WAITERS)) == WAITERS &&
			at_cas(&m->weft__state, &state, state | WOKEN, RELAXED, RELAXED))
			me->woken = WOKEN;
		for (int i = 0; i < GO_PAUSES; i++)
			weft__pause();
	}
	return take_now(m, me->woken);
}

/* The policy `spinning`: the whole of it. Outside. */
static int lock_spinning(weft_mutex_t *m, struct weft__limit limit)
{
	for (int i = 1;; i++) {
		int err;
		if (take_now(m, 0))
			return 0;
		for (int j = 0; j < GO_PAUSES; j++)
			weft__pause();
		if (i % YIELD_LOOKS != 0)
			continue;
		if ((err = limit_over(limit)) != 0)
			return err;
		weft_yield();
		weft__os_thread_yield();
	}
}

/* What the next lease is to be, after one that is over. */
static uint32_t next_lease(struct weft__thread *self, uint32_t state, weft_time_t now)
{
	uint32_t before = lease_of(state), lease = 1;
	int64_t each = (now - self->lease_began) >> (before - 1);

	self->lease_began = now;
	while (lease < LEASE_MOST && each << lease <= LEASE_NS)
		lease++;
	/* Once may have been long for another reason. */
	return lease + LEASE_DROP < before ? before - LEASE_DROP : lease;
}

/* Could another run here, the one that was woken most likely? */
static bool may_give_way(const struct weft__thread *self)
{
	const struct weft__proc *p = self->proc;

	return self->task != NULL && p != NULL &&
	       (at_load(&p->next, RELAXED) != NULL || queue_length(p) != 0);
}

/* The lease is over. True: the mutex was taken for another; false: it is locked, or the caller gives way. */
static bool end_lease(weft_mutex_t *m, struct weft__thread *self, struct locker *me, uint32_t state)
{
	uint32_t lease = next_lease(self, state, me->since);

	if (may_give_way(self)) {
		me->lease = lease;
		return false;
	}
	while (!(state & LOCKED) && lease_over(state))
		if (at_cas(&m->weft__state, &state, (state & FLAGS) | LOCKED | lease << LEASE_SHIFT, ACQUIRE,
			    RELAXED))
			return true;
	return take(m, state, 0);
}

/*
 * Takes it if it is free, and the caller does not give way; else announces that the caller will queue.
 * Requires the lock.
 */
static bool take_or_announce(weft_mutex_t *m, struct weft__thread *self, struct locker *me)
{
	uint32_t state = at_load(&m->weft__state, RELAXED), to;
	bool takes;

	do {
		takes = !(state & LOCKED) && !(me->lease != 0 && (state & WOKEN));
		if (takes) {
			to = taken(state, me->woken);
		} else {
			to = (state | WAITERS) & ~me->woken;
			if (me->lease != 0)
				to = (to & FLAGS) | me->lease << LEASE_SHIFT;
			if (me->starves && me->policy->starving)
				to |= STARVING;
		}
	} while (!at_cas(&m->weft__state, &state, to, ACQUIRE, RELAXED));
	if (to & ~state & STARVING)
		count_one(self, COUNT_MUTEX_STARVED);
	return takes;
}

/* ---- lock ---- */

/* The queue is empty. Requires the lock. */
static void nobody_waits(weft_mutex_t *m)
{
	uint32_t state = at_load(&m->weft__state, RELAXED), keep;

	do
		keep = state & WOKEN ? ~(uint32_t)(WAITERS | STARVING) : LOCKED | POLICY;
	while (!at_cas(&m->weft__state, &state, state & keep, RELAXED, RELAXED));
}

/*
 * Its time is over: leaves the queue. True: but the mutex is free, and now its own, unless it was cancelled.
 * Requires the lock.
 */
static bool give_up(weft_mutex_t *m, struct locker *me, struct weft__limit limit)
{
	if (waitq_has(&me->waiter)) {
		waitq_remove(&m->weft__waiters, &me->waiter);
		if (m->weft__waiters == NULL)
			nobody_waits(m);
	}
	return limit.cancel == NULL && take_now(m, 0);
}

/* One who was handed the mutex in starving mode ends the mode, if it has not waited long or nobody waits. */
static void perhaps_recover(weft_mutex_t *m, const struct locker *me, struct weft__thread *self)
{
	uint32_t state = at_load(&m->weft__state, RELAXED);

	if (!(state & STARVING))
		return;
	if (!(state & WAITERS) || weft__os_now() - me->since <= me->policy->patience) {
		at_and(&m->weft__state, ~(uint32_t)STARVING, RELAXED);
		count_one(self, COUNT_MUTEX_RECOVERED);
	}
}

/* Awake: is it the caller's? */
static bool compete(weft_mutex_t *m, struct locker *me, struct weft__thread *self)
{
	if (me->handed) {
		perhaps_recover(m, me, self);
		return true;
	}
	me->woken = WOKEN;
	me->waited = true;
	if (take_now(m, WOKEN))
		return true;
	if (me->policy->leases ? spin_politely(m, self, me) : me->policy->spins && spin_as_go(m, self, me))
		return true;
	me->starves = weft__os_now() - me->since >= me->policy->patience;
	return false;
}

static struct weft__thread *queue_and_park(
	struct weft__thread *self, weft_mutex_t *m, struct locker *me, struct weft__limit limit)
{
	weft__waiter_init(self, &me->waiter);
	if (me->waited && me->policy->to_front)
		waitq_add_front(&m->weft__waiters, &me->waiter);
	else
		waitq_add(&m->weft__waiters, &me->waiter);
	me->woken = 0;
	me->lease = 0;
	return park(self, &me->waiter, &m->weft__lock, limit, "mutex");
}

/* Returns inside, without the lock. */
static int lock_queued(
	struct weft__thread **self, weft_mutex_t *m, struct locker *me, struct weft__limit limit)
{
	int err = 0;

	lock_acquire(&m->weft__lock);
	while (!take_or_announce(m, *self, me)) {
		*self = queue_and_park(*self, m, me, limit);
		err = weft__wait_error(&me->waiter);
		if (err == 0 && compete(m, me, *self))
			return 0;
		lock_acquire(&m->weft__lock);
		if (err != 0) {
			if (give_up(m, me, limit))
				err = 0;
			break;
		}
	}
	lock_release(&m->weft__lock);
	return err;
}

/* Takes it, or finds that it must queue. */
static bool lock_at_once(weft_mutex_t *m, struct weft__thread *self, struct locker *me, uint32_t state)
{
	if (!me->policy->leases) {
		if (me->policy->spins && spin_as_go(m, self, me))
			return true;
	} else if (!(state & LOCKED) && lease_over(state)) {
		if (end_lease(m, self, me, state))
			return true;
	} else if (!(state & WAITERS) && spin_politely(m, self, me)) {
		return true;
	}
	count_one(self, me->lease != 0 ? COUNT_MUTEX_YIELDS : COUNT_MUTEX_WAITS);
	return false;
}

static NOINLINE int lock_slow(weft_mutex_t *m, struct weft__limit limit)
{
	uint32_t state = at_load(&m->weft__state, RELAXED);
	struct locker me = { .policy = policy_of(state), .since = 0 };
	struct weft__thread *self;
	int err;

	if (unlikely(me.policy->name == NULL))
		weft__panic("weft_mutex_lock: %p is no mutex, or has no policy", (void *)m);
	if ((err = limit_over(limit)) != 0)
		return err == -ETIMEDOUT && limit.cancel == NULL && take(m, state, 0) ? 0 : err;
	if ((err = known()) != 0)
		return err;
	if (!me.policy->queues)
		return lock_spinning(m, limit);
	self = enter();
	me.since = weft__os_now();
	if (!lock_at_once(m, self, &me, state))
		err = lock_queued(&self, m, &me, limit);
	leave(self);
	return err;
}

ALWAYS_INLINE int lock_limit(weft_mutex_t *m, struct weft__limit limit)
{
	uint32_t state = at_load(&m->weft__state, RELAXED);

	while (!(state & LOCKED) && !lease_over(state))
		if (likely(at_cas(&m->weft__state, &state, taken(state, 0), ACQUIRE, RELAXED)))
			return 0;
	return lock_slow(m, limit);
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
	return take_now(mutex, 0) ? 0 : -EBUSY;
}

bool weft__mutex_locked(const weft_mutex_t *mutex)
{
	return at_load(&mutex->weft__state, RELAXED) & LOCKED;
}

/* ---- unlock ---- */

/* How to wake the one that was claimed. */
static void decide(struct locker *next, uint32_t state)
{
	next->handed = next->starves || next->policy->hands || (state & STARVING);
	next->spread =
		next->policy->leases && !next->handed && (next->long_held || lease_of(state) <= SPREAD_LEASE);
}

/* The first waiter that can be claimed; NULL: none. By the holder. */
static struct locker *claim_first(weft_mutex_t *m)
{
	struct weft__waiter *w;
	struct locker *next = NULL;
	uint32_t state, to;

	lock_acquire(&m->weft__lock);
	/*
	 * With LOCKED and the lock both its own, nobody else changes it, but for one who spins as Go does and
	 * sets WOKEN. What it has set is lost then: it is awake, and another is woken besides.
	 */
	state = at_load(&m->weft__state, RELAXED);
	while ((w = waitq_first(m->weft__waiters)) != NULL) {
		waitq_remove(&m->weft__waiters, w);
		if (weft__claim(w, WAIT_WOKEN)) {
			next = container_of(w, struct locker, waiter);
			decide(next, state);
			break;
		}
	}
	to = LOCKED | (state & POLICY);
	if (m->weft__waiters != NULL)
		to |= WAITERS;
	if (next != NULL)
		to |= next->handed ? state & STARVING : WOKEN;
	if (to & (WAITERS | WOKEN))
		to |= state & LEASE;
	at_store(&m->weft__state, to, RELAXED);
	lock_release(&m->weft__lock);
	return next;
}

/* Unlocks it but for the fast path; the one that must be made ready, or NULL. */
static NOINLINE struct locker *unlock_slow(weft_mutex_t *m, uint32_t state)
{
	for (;;) {
		if (unlikely(!(state & LOCKED)))
			weft__panic("weft_mutex_unlock: mutex %p is not locked", (void *)m);
		if ((state & (WAITERS | WOKEN)) == WAITERS) {
			struct locker *next = claim_first(m);
			if (next != NULL) {
				if (!next->handed)
					at_sub(&m->weft__state, LOCKED, RELEASE);
				return next;
			}
			state = at_load(&m->weft__state, RELAXED);
		} else if (at_cas(&m->weft__state, &state, state & ~(uint32_t)LOCKED, RELEASE, RELAXED)) {
			return NULL;
		}
	}
}

/* The one that must be made ready, or NULL. */
ALWAYS_INLINE struct locker *unlock(weft_mutex_t *m)
{
	uint32_t state = at_load(&m->weft__state, RELAXED);

	return likely((state & (LOCKED | WOKEN)) == (LOCKED | WOKEN)) &&
			       likely(at_cas(
				       &m->weft__state, &state, state & ~(uint32_t)LOCKED, RELEASE, RELAXED))
		       ? NULL
		       : unlock_slow(m, state);
}

/* Inside, or with NULL. */
static void wake(struct weft__thread *self, struct locker *next)
{
	struct weft__list list = { NULL, NULL, 0 };
	struct weft__task *t = next->waiter.task;

	if (self != NULL && next->handed)
		count_one(self, COUNT_MUTEX_HANDOFFS);
	if (next->spread && t != NULL) {
		if (weft__parked(&next->waiter)) {
			list_add_ready(&list, t);
			weft__make_ready_list(self, &list);
		}
	} else {
		weft__ready(self, &next->waiter);
	}
}

void weft__mutex_unlock_inside(struct weft__thread *self, weft_mutex_t *mutex)
{
	struct locker *next = unlock(mutex);

	if (next != NULL)
		wake(self, next);
}

void(weft_mutex_unlock)(weft_mutex_t *mutex)
{
	struct locker *next = unlock(mutex);

	if (unlikely(next != NULL)) {
		/* Without memory for a record it is woken all the same. */
		struct weft__thread *self = known() == 0 ? enter() : NULL;
		wake(self, next);
		if (self != NULL)
			leave(self);
	}
}

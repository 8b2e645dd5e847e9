/*
 * waitgroup.c - WaitGroup.
 *
 * state, one 64-bit word:
 *     bits 63..32   counter, signed, never negative
 *     bits 31..0    waiters: calls of wait that are queued
 *
 *     counter  waiters
 *     0        0        idle; wait returns at once
 *     > 0      any      running
 *     0        > 0      only between the add that reached zero and its storing of 0: that add owns the queue
 *
 * The add that takes the counter to zero while there are waiters owns the queue: under the lock it stores
 * state = 0, takes all waiters off and claims them; then it makes them ready. Until it has released the lock
 * no waiter returns, so the memory stays; after that it touches neither the group nor a waiter that it has
 * readied.
 *
 * wait: lock; counter > 0 ? waiters + 1 by CAS, enqueue, park (unlocks) : unlock, return.
 * A waiter that has timed out takes the lock again and finds one of three things:
 *     off the queue                  the counter has reached zero meanwhile: success beats the deadline
 *     queued, counter > 0            waiters - 1 by CAS, leaves: -ETIMEDOUT. The CAS and the subtraction that
 *                                    reaches zero are ordered: a later one does not see this waiter
 *     queued, counter = 0            the owner of the queue is on its way to the lock: parks once more, until
 *                                    it is woken
 * A wait that finds the counter at zero returns at once and touches nothing more.
 *
 * Order: the subtraction is a release (what the task did), reading zero is an acquire; the additions between
 * form one release sequence, so a wait sees what every task did before its done.
 */
#include <weft/sync.h>

#include "sched/waitq.h"
#include "sync/context.h"
#include "sync/waitgroup.h"

#define COUNTER(state) ((int32_t)((state) >> 32))
#define WAITERS(state) ((uint32_t)(state))

/* What wake_all has found: tasks, and plain threads through next. */
struct woken {
	struct weft__list tasks;
	struct weft__waiter *threads;
};

/* Takes one waiter off for good, if it has not timed out. Requires the lock. */
static void take(struct woken *woken, struct weft__waiter *w, bool at_front)
{
	struct weft__task *t = w->task;

	w->next = w->prev = NULL;
	/* One that has timed out is on its way to the lock, and sees that it was taken off the queue. */
	if (!weft__claim(w, WAIT_WOKEN) || (t != NULL && !weft__parked(w)))
		return;
	if (t == NULL) {
		w->next = woken->threads;
		woken->threads = w;
	} else if (at_front && woken->tasks.first != NULL) {
		PROBE(ready, t);
		t->link = woken->tasks.first;
		woken->tasks.first = t;
		woken->tasks.count++;
	} else {
		list_add_ready(&woken->tasks, t);
	}
}

/*
 * Takes all waiters of a circle, first in first. A million of them lie on a million cold stacks: going from
 * both ends at once keeps two fetches under way instead of one. Requires the lock.
 */
static void take_all(struct woken *woken, struct weft__waiter *first)
{
	struct woken back = { { NULL, NULL, 0 }, NULL };
	struct weft__waiter *last = first->prev;

	for (;;) {
		struct weft__waiter *next = first->next, *prev = last->prev;
		bool met = first == last, crossed = next == last;
		__builtin_prefetch(next);
		__builtin_prefetch(prev);
		take(woken, first, false);
		if (met)
			break;
		take(&back, last, true);
		if (crossed)
			break;
		first = next;
		last = prev;
	}
	if (back.tasks.first != NULL) {
		if (woken->tasks.last != NULL)
			woken->tasks.last->link = back.tasks.first;
		else
			woken->tasks.first = back.tasks.first;
		woken->tasks.last = back.tasks.last;
		woken->tasks.count += back.tasks.count;
	}
	while (back.threads != NULL) {
		struct weft__waiter *w = back.threads;
		back.threads = w->next;
		w->next = woken->threads;
		woken->threads = w;
	}
}

/*
 * The counter has reached zero and this thread is the one who saw it: lets all waiters go. Inside, or NULL.
 */
static COLD void wake_all(struct weft__thread *self, weft_waitgroup_t *wg)
{
	struct woken woken = { { NULL, NULL, 0 }, NULL };
	struct weft__waiter *first;
	uint64_t state;

	lock_acquire(&wg->weft__lock);
	state = at_xchg(&wg->weft__state, 0, ACQ_REL);
	first = wg->weft__waiters;
	wg->weft__waiters = NULL;
	if (first != NULL)
		take_all(&woken, first);
	lock_release(&wg->weft__lock);
	if (COUNTER(state) != 0)
		weft__panic("weft_waitgroup_add: group %p: add from zero while somebody waits", (void *)wg);
	while (woken.threads != NULL) {
		struct weft__waiter *w = woken.threads;
		woken.threads = w->next;
		weft__ready(self, w);
	}
	/* One task takes the short way: it may run next, here. */
	if (woken.tasks.count == 1)
		weft__make_ready(self, woken.tasks.first);
	else
		weft__make_ready_list(self, &woken.tasks);
}

static COLD WEFT_NORETURN void misuse(weft_waitgroup_t *wg, int64_t counter)
{
	weft__panic(counter < 0 ? "weft_waitgroup_add: group %p: negative counter (%lld)"
		    : counter > INT32_MAX
			    ? "weft_waitgroup_add: group %p: counter too large (%lld)"
			    : "weft_waitgroup_add: group %p: add from zero while somebody waits",
		(void *)wg, (long long)counter);
}

/* After an addition. True: the counter is zero now, and this thread must wake all. */
ALWAYS_INLINE bool added(weft_waitgroup_t *wg, uint64_t before, int delta)
{
	int64_t counter = (int64_t)COUNTER(before) + delta;

	if (unlikely((uint64_t)counter > INT32_MAX))
		misuse(wg, counter);
	if (likely(WAITERS(before) == 0))
		return false;
	if (unlikely(delta > 0 && COUNTER(before) == 0))
		misuse(wg, counter);
	return counter == 0;
}

/* The same, with the addition. */
ALWAYS_INLINE bool add(weft_waitgroup_t *wg, int delta)
{
	return added(wg, at_add(&wg->weft__state, (uint64_t)(int64_t)delta << 32, ACQ_REL), delta);
}

void weft__waitgroup_added(weft_waitgroup_t *wg, uint64_t before, int delta)
{
	struct weft__thread *self;

	if (!added(wg, before, delta))
		return;
	/* Without memory for a record the waiters are woken all the same. */
	self = known() == 0 ? enter() : NULL;
	wake_all(self, wg);
	if (self != NULL)
		leave(self);
}

void(weft_waitgroup_add)(weft_waitgroup_t *wg, int delta)
{
	weft__waitgroup_add(wg, delta);
}

void(weft_waitgroup_done)(weft_waitgroup_t *wg)
{
	weft__waitgroup_add(wg, -1);
}

/* Counts w as a waiter; false: the counter is zero. Requires the lock. */
static bool join(weft_waitgroup_t *wg)
{
	uint64_t state = at_load(&wg->weft__state, ACQUIRE);

	do {
		if (COUNTER(state) == 0)
			return false;
	} while (!at_cas(&wg->weft__state, &state, state + 1, ACQ_REL, ACQUIRE));
	return true;
}

/* Takes back a join; false: the counter is zero, so an add is about to wake all. Requires the lock. */
static bool withdraw(weft_waitgroup_t *wg)
{
	uint64_t state = at_load(&wg->weft__state, ACQUIRE);

	do {
		if (COUNTER(state) == 0)
			return false;
	} while (!at_cas(&wg->weft__state, &state, state - 1, ACQ_REL, ACQUIRE));
	return true;
}

static NOINLINE int wait(weft_waitgroup_t *wg, struct weft__limit limit)
{
	struct weft__thread *self;
	struct weft__waiter w;
	int result = limit_canceled(limit);

	if (result != 0 || COUNTER(at_load(&wg->weft__state, ACQUIRE)) == 0)
		return result;
	if ((result = limit_over(limit)) != 0 || (result = known()) != 0)
		return result;
	self = enter();
	weft__waiter_init(self, &w);
	lock_acquire(&wg->weft__lock);
	if (!join(wg)) {
		lock_release(&wg->weft__lock);
		leave(self);
		return 0;
	}
	waitq_add(&wg->weft__waiters, &w);
	self = weft__park(self, &w, &wg->weft__lock, limit, "waitgroup");
	result = weft__wait_error(&w);
	if (unlikely(result != 0)) {
		lock_acquire(&wg->weft__lock);
		if (!waitq_has(&w)) {
			lock_release(&wg->weft__lock);
			result = 0;
		} else if (withdraw(wg)) {
			waitq_remove(&wg->weft__waiters, &w);
			lock_release(&wg->weft__lock);
		} else {
			weft__waiter_again(&w);
			self = weft__park(self, &w, &wg->weft__lock, limit_none(), "waitgroup");
			result = 0;
		}
	}
	leave(self);
	return result;
}

int(weft_waitgroup_wait)(weft_waitgroup_t *wg)
{
	return wait(wg, limit_none());
}

int weft_waitgroup_wait_until(weft_waitgroup_t *wg, weft_time_t deadline)
{
	return wait(wg, limit_until(deadline));
}

int weft_waitgroup_wait_ctx(weft_waitgroup_t *wg, weft_context_t *ctx)
{
	return wait(wg, limit_ctx(ctx));
}

void weft__waitgroup_settle(struct weft__thread *self, void *to, uint32_t n)
{
	weft_waitgroup_t *wg = to;

	if (unlikely(add(wg, -(int)n)))
		wake_all(self, wg);
}

ALWAYS_INLINE int go(weft_waitgroup_t *wg, const struct weft__start *start)
{
	int err;

	(void)add(wg, 1);
	err = weft__go(start);
	if (unlikely(err != 0))
		weft_waitgroup_done(wg);
	return err;
}

int weft__waitgroup_go_at(weft_waitgroup_t *wg, weft_fn_t *fn, void *arg, const char *site)
{
	const struct weft__debt debt = { weft__waitgroup_settle, wg };
	const struct weft__start start = { .fn = fn, .arg = arg, .debt = &debt, .site = site };

	return go(wg, &start);
}

int weft__waitgroup_go_copy(
	weft_waitgroup_t *wg, weft_fn_t *fn, const void *args, size_t size, const char *site)
{
	const struct weft__debt debt = { weft__waitgroup_settle, wg };
	const struct weft__start start = {
		.fn = fn, .copy = args, .copy_size = size, .debt = &debt, .site = site
	};

	return go(wg, &start);
}

int(weft_waitgroup_go)(weft_waitgroup_t *wg, weft_fn_t *fn, void *arg)
{
	return weft__waitgroup_go_at(wg, fn, arg, "?");
}

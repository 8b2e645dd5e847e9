/*
 * semaphore.c - Semaphore.
 *
 * All under `lock`, which costs as much as one locked operation on a word would: `taken` permits of `size`,
 * and the queue of those that wait, first come first.
 *
 *     the first in the queue does not fit
 *
 * So a release, and the removal of the first, grant: they take waiters off from the front while they fit.
 * Who comes takes permits only when nobody waits, or a large request would wait for ever while small ones
 * pass it. One larger than the size never fits and is not queued, for it would block all others; it only
 * waits for its limit.
 *
 * A waiter that was claimed has its permits, whatever its limit did meanwhile. One that could not be claimed
 * was dropped from the queue and returns its error. Its permits were not counted.
 *
 * The lock is taken outside, for most calls need nothing else; a call that is to wait enters first and then
 * looks again. The memory may go when an acquire has returned: who released is done with it then, for both
 * needed the lock, and who granted touches only the waiter after it.
 *
 * Order: the lock's.
 */
#include <weft/sync.h>

#include "sync/context.h"
#include "sync/wake.h"

struct request {
	struct weft__waiter waiter;
	int64_t n;
};

/* Requires the lock. */
static bool take(weft_semaphore_t *s, int64_t n)
{
	if (s->weft__waiters != NULL || n > s->weft__size - s->weft__taken)
		return false;
	s->weft__taken += n;
	return true;
}

/* Takes those off that fit, and counts their permits. Requires the lock. */
static void grant(weft_semaphore_t *s, struct wake *wake)
{
	struct weft__waiter *w;

	while ((w = waitq_first(s->weft__waiters)) != NULL) {
		int64_t n = container_of(w, struct request, waiter)->n;
		if (n > s->weft__size - s->weft__taken)
			return;
		waitq_remove(&s->weft__waiters, w);
		if (wake_take(wake, w))
			s->weft__taken += n;
	}
}

static bool take_now(weft_semaphore_t *s, int64_t n)
{
	bool taken;

	if (unlikely(n < 0))
		weft__panic("weft_semaphore_acquire: semaphore %p: %lld permits", (void *)s, (long long)n);
	lock_acquire(&s->weft__lock);
	taken = take(s, n);
	lock_release(&s->weft__lock);
	return taken;
}

/* Waits in the queue. Inside; leaves. */
static int queue(struct weft__thread *self, weft_semaphore_t *s, int64_t n, struct weft__limit limit)
{
	struct wake wake = { NULL, NULL };
	struct request me = { .n = n };
	int err;

	weft__waiter_init(self, &me.waiter);
	lock_acquire(&s->weft__lock);
	if (take(s, n)) {
		lock_release(&s->weft__lock);
		leave(self);
		return 0;
	}
	waitq_add(&s->weft__waiters, &me.waiter);
	self = park(self, &me.waiter, &s->weft__lock, limit, "semaphore");
	err = weft__wait_error(&me.waiter);
	if (err != 0) {
		lock_acquire(&s->weft__lock);
		if (waitq_has(&me.waiter)) {
			waitq_remove(&s->weft__waiters, &me.waiter);
			grant(s, &wake); /* it may have been the first */
		}
		lock_release(&s->weft__lock);
		weft__wake_inside(self, &wake);
	}
	leave(self);
	return err;
}

static NOINLINE int acquire_slow(weft_semaphore_t *s, int64_t n, struct weft__limit limit)
{
	struct weft__thread *self;
	struct weft__waiter w;
	int err;

	if ((err = limit_over(limit)) != 0 || (err = known()) != 0)
		return err;
	self = enter();
	if (likely(n <= s->weft__size))
		return queue(self, s, n, limit);
	weft__waiter_init(self, &w);
	self = weft__park(self, &w, NULL, limit, "semaphore, for more than it has");
	err = weft__wait_error(&w);
	leave(self);
	return err;
}

int weft_semaphore_acquire(weft_semaphore_t *semaphore, int64_t n)
{
	return likely(take_now(semaphore, n)) ? 0 : acquire_slow(semaphore, n, limit_none());
}

int weft_semaphore_acquire_until(weft_semaphore_t *semaphore, int64_t n, weft_time_t deadline)
{
	return likely(take_now(semaphore, n)) ? 0 : acquire_slow(semaphore, n, limit_until(deadline));
}

int weft_semaphore_acquire_ctx(weft_semaphore_t *semaphore, int64_t n, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);
	int err = limit_canceled(limit);

	return err != 0 || take_now(semaphore, n) ? err : acquire_slow(semaphore, n, limit);
}

int weft_semaphore_try_acquire(weft_semaphore_t *semaphore, int64_t n)
{
	return take_now(semaphore, n) ? 0 : -EAGAIN;
}

void weft_semaphore_release(weft_semaphore_t *semaphore, int64_t n)
{
	struct wake wake = { NULL, NULL };
	int64_t taken;

	lock_acquire(&semaphore->weft__lock);
	taken = semaphore->weft__taken;
	if (unlikely(n < 0 || n > taken))
		weft__panic("weft_semaphore_release: semaphore %p: %lld permits given back, %lld are taken",
			(void *)semaphore, (long long)n, (long long)taken);
	semaphore->weft__taken = taken - n;
	if (unlikely(semaphore->weft__waiters != NULL))
		grant(semaphore, &wake);
	lock_release(&semaphore->weft__lock);
	weft__wake(&wake);
}

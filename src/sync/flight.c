/*
 * flight.c - singleflight: callers with one key share one call.
 *
 * The record of a call lies on the stack of the caller who runs fn. All of it is under the flight's lock,
 * until the runner, under that lock, takes it out of the list and claims all who wait on it; then it is the
 * runner's alone. Each who waits has the places for the result in its own frame, next to its waiter, and the
 * runner fills them before it makes the waiter ready. So nobody shares memory that somebody had to free.
 *
 *   listed     a call can be found by its key; forget and the end take it off. Who waits on it, waits on
 *   follower   queued: its call is not at its end, so `call` may be followed. Off the queue, claimed: it has
 *              its result. Off the queue, not claimed: it had given up; it touches no call any more
 *
 * The key is copied: fn may do with the caller's what it likes. Short ones find room in the record.
 *
 * fn runs outside and with no lock held. Order: the flight's lock, and the waiter's wake-up.
 */
#include "sync/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "sync/context.h"
#include "sync/wake.h"
#include "sync/who.h"

struct follower {
	struct weft__waiter waiter;
	struct weft__call *call; /* valid while the waiter is queued */
	int result, shared;
	void *value;
};

struct asked {
	const void *key;
	size_t key_size;
	weft_flight_fn_t *fn;
	void *arg;
	void **result;
	int *shared;
};

static void answer(const struct asked *asked, void *value, int shared)
{
	if (asked->result != NULL)
		*asked->result = value;
	if (asked->shared != NULL)
		*asked->shared = shared;
}

/* ---- the list; requires the lock ---- */

static struct weft__call *find(const weft_flight_t *f, const void *key, size_t key_size)
{
	struct weft__call *c;

	for (c = f->weft__calls; c != NULL; c = c->next)
		if (c->key_size == key_size && (key_size == 0 || memcmp(c->key, key, key_size) == 0))
			break;
	return c;
}

static void enlist(weft_flight_t *f, struct weft__call *c)
{
	struct weft__call *first = f->weft__calls;

	c->prev = NULL;
	c->next = first;
	if (first != NULL)
		first->prev = c;
	f->weft__calls = c;
	c->listed = true;
}

static void unlist(weft_flight_t *f, struct weft__call *c)
{
	if (!c->listed)
		return;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		f->weft__calls = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->listed = false;
}

/* ---- the two roles ---- */

/* Runs fn for all. Outside, without the lock; c is listed. */
static int lead(weft_flight_t *f, struct weft__call *c, const struct asked *asked)
{
	struct wake wake = { NULL, NULL };
	void *value = NULL;
	int result = asked->fn(asked->arg, &value);
	int shared;

	lock_acquire(&f->weft__lock);
	unlist(f, c);
	shared = (int)weft__wake_take_all(&wake, &c->followers);
	lock_release(&f->weft__lock);
	for (struct weft__waiter *w = wake.first; w != NULL; w = w->next) {
		struct follower *follower = container_of(w, struct follower, waiter);
		follower->result = result;
		follower->shared = shared;
		follower->value = value;
	}
	weft__wake(&wake);
	answer(asked, value, shared);
	return result;
}

/* Waits for another's fn. Inside, with the lock; leaves both. */
static int follow(struct weft__thread *self, weft_flight_t *f, struct weft__call *c,
	const struct asked *asked, struct weft__limit limit)
{
	struct follower me = { .call = c };
	int err;

	weft__waiter_init(self, &me.waiter);
	waitq_add(&c->followers, &me.waiter);
	self = park(self, &me.waiter, &f->weft__lock, limit, "flight");
	err = weft__wait_error(&me.waiter);
	if (err != 0) {
		lock_acquire(&f->weft__lock);
		if (waitq_has(&me.waiter))
			waitq_remove(&me.call->followers, &me.waiter);
		lock_release(&f->weft__lock);
	}
	leave(self);
	if (err != 0)
		return err;
	answer(asked, me.value, me.shared);
	return me.result;
}

/*
 * Finds out which role it is: looks again after each thing that it needs and that cannot be got with the lock
 * held. *copy: memory for a long key, to be freed by the caller.
 */
static int take_part(weft_flight_t *f, const struct asked *asked, struct weft__limit limit, void **copy)
{
	struct weft__thread *self = NULL;
	bool room = asked->key_size <= FLIGHT_SHORT_KEY;
	uint64_t me = who();
	struct weft__call mine;
	int err;

	for (;;) {
		struct weft__call *c;
		lock_acquire(&f->weft__lock);
		c = find(f, asked->key, asked->key_size);
		if (c != NULL && self != NULL)
			return follow(self, f, c, asked, limit);
		if (c == NULL && (room || *copy != NULL))
			break;
		if (c != NULL && unlikely(c->runner == me))
			weft__panic("weft_flight_do: flight %p: called by the function that runs for the "
				    "same key",
				(void *)f);
		lock_release(&f->weft__lock);
		if (c != NULL) {
			if ((err = limit_over(limit)) != 0 || (err = known()) != 0)
				return err;
			self = enter();
		} else {
			if (self != NULL)
				leave(self);
			self = NULL;
			*copy = weft__alloc(asked->key_size);
			if (*copy == NULL)
				return -ENOMEM;
		}
	}
	mine.key = room ? mine.short_key : *copy;
	mine.key_size = asked->key_size;
	mine.followers = NULL;
	mine.runner = me;
	if (asked->key_size != 0)
		memcpy(room ? mine.short_key : *copy, asked->key, asked->key_size);
	enlist(f, &mine);
	lock_release(&f->weft__lock);
	if (self != NULL)
		leave(self);
	return lead(f, &mine, asked);
}

static int fly(weft_flight_t *f, const struct asked *asked, struct weft__limit limit)
{
	void *copy = NULL;
	int result;

	if ((result = limit_canceled(limit)) != 0)
		return result;
	if (asked->key_size > PTRDIFF_MAX)
		return -ENOMEM;
	result = take_part(f, asked, limit, &copy);
	weft__free(copy);
	return result;
}

int weft_flight_do(weft_flight_t *flight, const void *key, size_t key_size, weft_flight_fn_t *fn, void *arg,
	void **result, int *shared)
{
	struct asked asked = { key, key_size, fn, arg, result, shared };

	return fly(flight, &asked, limit_none());
}

int weft_flight_do_until(weft_flight_t *flight, const void *key, size_t key_size, weft_flight_fn_t *fn,
	void *arg, void **result, int *shared, weft_time_t deadline)
{
	struct asked asked = { key, key_size, fn, arg, result, shared };

	return fly(flight, &asked, limit_until(deadline));
}

int weft_flight_do_ctx(weft_flight_t *flight, const void *key, size_t key_size, weft_flight_fn_t *fn,
	void *arg, void **result, int *shared, weft_context_t *ctx)
{
	struct asked asked = { key, key_size, fn, arg, result, shared };

	return fly(flight, &asked, limit_ctx(ctx));
}

void weft_flight_forget(weft_flight_t *flight, const void *key, size_t key_size)
{
	struct weft__call *c;

	lock_acquire(&flight->weft__lock);
	c = find(flight, key, key_size);
	if (c != NULL)
		unlist(flight, c);
	lock_release(&flight->weft__lock);
}

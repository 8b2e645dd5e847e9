/*
 * poller.c - tasks that wait for descriptors.
 *
 * Each descriptor that somebody ever waited on has an entry, found through a table of chunks. An entry has a
 * lock and the waiters in the order in which they came. Arming is for one report (EPOLLONESHOT): a descriptor
 * that nobody waits on makes no noise, and one that was closed and opened again under the same number is
 * found out by the kernel when it is armed. A report wakes every waiter that wants one of its events; if
 * others remain, it is armed again for them.
 *
 * Entries and chunks are never freed. Each arming has a tag, which its report carries: one that was fetched
 * from the kernel before the descriptor was armed anew is out of date, perhaps of a file that is closed, and
 * is dropped. Nothing is lost, since the kernel looks again whenever a descriptor is armed.
 */
#include <errno.h>

#include "base/alloc.h"
#include "sched/sched.h"

enum { CHUNK = 1024, CHUNKS = 16384 };

struct entry {
	uint32_t lock;
	uint32_t tag;               /* of the present arming */
	struct weft__waiter *first; /* singly linked through next; value: events wanted, then events got */
};

static struct entry *table[CHUNKS]; /* atomic */

static struct entry *entry_of(int fd, bool make)
{
	struct entry **place, *chunk, *expected = NULL;

	if (fd >= CHUNK * CHUNKS)
		return NULL;
	place = &table[fd / CHUNK];
	chunk = at_load(place, ACQUIRE);
	if (chunk == NULL && make) {
		chunk = weft__alloc(sizeof(struct entry) * CHUNK);
		if (chunk == NULL)
			return NULL;
		if (!at_cas(place, &expected, chunk, ACQ_REL, ACQUIRE)) {
			weft__free(chunk);
			chunk = expected;
		}
	}
	return chunk == NULL ? NULL : &chunk[fd % CHUNK];
}

/* Requires the lock. */
static unsigned wanted(const struct entry *e)
{
	unsigned events = 0;

	for (const struct weft__waiter *w = e->first; w != NULL; w = w->next)
		events |= (unsigned)w->value;
	return events;
}

/* For all that is wanted. An arming that fails leaves the one before, with its tag. Requires the lock. */
static int arm(struct entry *e, int fd)
{
	int result = weft__os_poller_arm(&rt.poller, fd, wanted(e), e->tag + 1);

	if (result == 0)
		e->tag++;
	return result;
}

static void report(const struct os_event *event, struct weft__list *ready)
{
	struct entry *e = entry_of(event->fd, false);
	struct weft__waiter **link, *w;

	if (e == NULL)
		return;
	lock_acquire(&e->lock);
	if (event->tag != e->tag) {
		lock_release(&e->lock);
		return;
	}
	for (link = &e->first; (w = *link) != NULL;) {
		unsigned got = (unsigned)w->value & event->events;
		struct weft__task *t = w->task;
		if (got == 0) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		at_sub(&rt.poll_waiters, 1, RELAXED);
		w->value = got;
		if (weft__claim(w, WAIT_WOKEN))
			list_add(ready, t);
	}
	if (e->first != NULL)
		(void)arm(e, event->fd);
	lock_release(&e->lock);
}

void weft__poll(weft_time_t deadline, struct weft__list *ready)
{
	struct os_event events[64];
	int n = weft__os_poller_wait(&rt.poller, events, (int)ARRAY_LEN(events), deadline);

	if (n < 0)
		weft__panic("waiting for descriptors failed: %s", weft_strerror(n));
	for (int i = 0; i < n; i++)
		report(&events[i], ready);
	if (n > 0)
		at_store(&rt.polled_at, weft__os_now(), RELAXED);
}

/* Requires the lock. Removes a waiter that timed out, if no report did. */
static void forget(struct entry *e, struct weft__waiter *w)
{
	for (struct weft__waiter **link = &e->first; *link != NULL; link = &(*link)->next) {
		if (*link == w) {
			*link = w->next;
			at_sub(&rt.poll_waiters, 1, RELAXED);
			return;
		}
	}
}

int weft_fd_wait(int fd, unsigned events, weft_time_t deadline)
{
	struct weft__thread *self = weft__self();
	struct weft__waiter w, **link;
	struct entry *e;
	int result;

	if (events == 0 || (events & ~(unsigned)(WEFT_READABLE | WEFT_WRITABLE)) != 0)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	if (self == NULL || self->task == NULL)
		return weft__os_poll_one(fd, events, deadline);
	if (deadline != WEFT_NEVER && deadline <= weft__os_now())
		return weft__os_poll_one(fd, events, 0);
	e = entry_of(fd, true);
	if (e == NULL)
		return -ENOMEM;
	self = enter();
	weft__waiter_init(self, &w);
	w.value = events;
	lock_acquire(&e->lock);
	for (link = &e->first; *link != NULL; link = &(*link)->next)
		;
	*link = &w;
	at_add(&rt.poll_waiters, 1, RELAXED);
	/* Also when it is armed already: the descriptor may have been closed and opened again since. */
	result = arm(e, fd);
	if (result != 0) {
		forget(e, &w);
		lock_release(&e->lock);
		leave(self);
		return result == 1 ? (int)events : result;
	}
	self = weft__park(self, &w, &e->lock, deadline,
		events == WEFT_READABLE   ? "readable descriptor"
		: events == WEFT_WRITABLE ? "writable descriptor"
					  : "descriptor");
	result = (int)w.value;
	if (w.state == WAIT_TIMED_OUT) {
		lock_acquire(&e->lock);
		forget(e, &w);
		lock_release(&e->lock);
		result = -ETIMEDOUT;
	}
	leave(self);
	return result;
}

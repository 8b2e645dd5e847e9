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
#include "base/alloc.h"
#include "sched/sched.h"

enum { CHUNK = 1024, CHUNKS = 16384 };

struct entry {
	uint32_t lock;
	uint32_t tag; /* of the present arming */
	struct weft__poll_node *first;
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

	for (const struct weft__poll_node *n = e->first; n != NULL; n = n->next)
		events |= n->wanted;
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
	struct weft__poll_node **link, *n;

	if (e == NULL)
		return;
	lock_acquire(&e->lock);
	if (event->tag != e->tag) {
		lock_release(&e->lock);
		return;
	}
	for (link = &e->first; (n = *link) != NULL;) {
		unsigned got = n->wanted & event->events;
		struct weft__waiter *w = n->waiter;
		if (got == 0) {
			link = &n->next;
			continue;
		}
		*link = n->next;
		at_sub(&rt.poll_waiters, 1, RELAXED);
		/* One that was claimed by another source looks again by itself. */
		if (!weft__claim(w, WAIT_WOKEN))
			continue;
		n->got = got;
		w->value = (uintptr_t)n;
		if (w->task == NULL)
			weft__ready(NULL, w);
		else if (weft__parked(w))
			list_add_ready(ready, w->task);
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

/* Requires the lock. Removes a node, if no report did. */
static void forget(struct entry *e, struct weft__poll_node *n)
{
	for (struct weft__poll_node **link = &e->first; *link != NULL; link = &(*link)->next) {
		if (*link == n) {
			*link = n->next;
			at_sub(&rt.poll_waiters, 1, RELAXED);
			return;
		}
	}
}

int weft__poll_add(int fd, struct weft__poll_node *n, uint32_t **lock)
{
	struct entry *e = entry_of(fd, true);
	struct weft__poll_node **link;
	int result;

	if (e == NULL)
		return -ENOMEM;
	n->next = NULL;
	n->got = 0;
	lock_acquire(&e->lock);
	for (link = &e->first; *link != NULL; link = &(*link)->next)
		;
	*link = n;
	at_add(&rt.poll_waiters, 1, RELAXED);
	/* Also when it is armed already: the descriptor may have been closed and opened again since. */
	result = arm(e, fd);
	if (result != 0)
		forget(e, n);
	if (result == 0 && lock != NULL)
		*lock = &e->lock;
	else
		lock_release(&e->lock);
	return result;
}

void weft__poll_remove(int fd, struct weft__poll_node *n)
{
	struct entry *e = entry_of(fd, false);

	lock_acquire(&e->lock);
	forget(e, n);
	lock_release(&e->lock);
}

static const char *reason_of(unsigned events)
{
	return events == WEFT_READABLE   ? "readable descriptor"
	       : events == WEFT_WRITABLE ? "writable descriptor"
					 : "descriptor";
}

int weft__fd_wait(int fd, unsigned events, struct weft__limit limit)
{
	struct weft__thread *self = weft__self();
	struct weft__poll_node n = { .wanted = events };
	struct weft__waiter w;
	bool task = self != NULL && self->task != NULL;
	uint32_t *lock = NULL;
	int result;

	if (events == 0 || (events & ~(unsigned)(WEFT_READABLE | WEFT_WRITABLE)) != 0)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	if (!task && limit.cancel == NULL)
		return weft__os_poll_one(fd, events, limit.deadline);
	if ((result = limit_canceled(limit)) != 0)
		return result;
	result = limit_over(limit);
	if (result != 0) {
		int now = weft__os_poll_one(fd, events, 0);
		return now == -ETIMEDOUT ? result : now;
	}
	if ((result = known()) != 0)
		return result;
	self = enter();
	weft__waiter_init(self, &w);
	n.waiter = &w;
	result = weft__poll_add(fd, &n, &lock);
	if (result != 0) {
		leave(self);
		return result == 1 ? (int)events : result;
	}
	if (!task)
		(void)weft__poller_ensure(); /* nobody may have needed one so far */
	self = weft__park(self, &w, lock, limit, reason_of(events));
	result = weft__wait_error(&w);
	if (result != 0)
		weft__poll_remove(fd, &n);
	else
		result = (int)n.got;
	leave(self);
	return result;
}

int weft_fd_wait(int fd, unsigned events, weft_time_t deadline)
{
	return weft__fd_wait(fd, events, limit_until(deadline));
}

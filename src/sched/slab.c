/*
 * slab.c - memory for task headers.
 *
 * Headers are cut from chunks that are never given back, so a pointer to a header stays a pointer to a
 * header; a header is LIVE from spawn to end. Chunks double from 64 KiB to 4 MiB and are found from a list
 * that is only prepended to: reports walk it.
 *
 * Free headers are kept by magazines (Bonwick and Adams, 2001): arrays of pointers, so that giving and taking
 * does not touch the header, which is in another core's cache as often as not. A processor has two; when both
 * are empty (or full) one is exchanged at the depot. Nothing is lost when there is no memory for a magazine:
 * then headers go to the depot one by one, linked.
 *
 * `lock` protects the depot and the chunk that is being cut. A processor's magazines are the holder's,
 * inside.
 */
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

enum { CHUNK_FIRST = 64 << 10, CHUNK_LAST = 4 << 20 };

struct chunk {
	struct chunk *next;
	struct weft__task *tasks;
	uint32_t total;
	uint32_t used; /* atomic, written under lock */
};

static uint32_t lock;
static struct chunk *chunks; /* atomic head; the first is the one that is being cut */
static struct weft__magazine *full, *empty;
static struct weft__task *loose; /* linked */

static bool chunk_new(void)
{
	struct chunk *last = at_load(&chunks, RELAXED);
	size_t bytes = last == NULL ? CHUNK_FIRST : last->total * sizeof(struct weft__task) * 2;
	struct chunk *c = weft__alloc(sizeof *c);

	if (c == NULL)
		return false;
	if (bytes > CHUNK_LAST)
		bytes = CHUNK_LAST;
	c->tasks = weft__os_reserve(bytes, 0);
	if (c->tasks == NULL) {
		weft__free(c);
		return false;
	}
	c->total = (uint32_t)(bytes / sizeof(struct weft__task));
	c->next = last;
	at_store(&chunks, c, RELEASE); /* pairs with weft__task_each */
	return true;
}

/* A header from the depot's loose ones or a chunk. Requires lock. */
static struct weft__task *take_one(void)
{
	struct weft__task *t = loose;
	struct chunk *c = chunks;

	if (t != NULL) {
		loose = t->link;
		return t;
	}
	if (full != NULL) {
		t = full->tasks[--full->count];
		if (full->count == 0) {
			struct weft__magazine *m = full;
			full = m->next;
			m->next = empty;
			empty = m;
		}
		return t;
	}
	if (c == NULL || c->used == c->total) {
		if (!chunk_new())
			return NULL;
		c = chunks;
	}
	t = &c->tasks[c->used];
	at_store(&c->used, c->used + 1, RELEASE);
	return t;
}

/* Exchanges the empty magazine m (may be NULL) for one with headers in it; NULL: no memory. Requires lock. */
static struct weft__magazine *exchange_empty(struct weft__magazine *m)
{
	struct weft__magazine *got = full;

	if (got != NULL) {
		full = got->next;
		if (m != NULL) {
			m->next = empty;
			empty = m;
		}
		return got;
	}
	if (m == NULL && (m = empty) != NULL)
		empty = m->next;
	if (m == NULL && (m = weft__alloc(sizeof *m)) == NULL)
		return NULL;
	while (m->count < MAGAZINE_REFILL && (m->tasks[m->count] = take_one()) != NULL)
		m->count++;
	return m;
}

NOINLINE struct weft__task *weft__header_take_slow(struct weft__proc *p)
{
	struct weft__task *t = NULL;

	lock_acquire(&lock);
	if (p != NULL) {
		struct weft__magazine *m = exchange_empty(p->loaded);
		if (m != NULL)
			p->loaded = m;
		if (m != NULL && m->count > 0)
			t = m->tasks[--m->count];
	}
	if (t == NULL)
		t = take_one();
	lock_release(&lock);
	return t;
}

NOINLINE void weft__header_put_slow(struct weft__proc *p, struct weft__task *t)
{
	struct weft__magazine *m = NULL;

	lock_acquire(&lock);
	if (p != NULL) {
		m = empty;
		if (m != NULL)
			empty = m->next;
		else
			m = weft__alloc(sizeof *m);
	}
	if (m != NULL) {
		if (p->loaded != NULL) {
			p->loaded->next = full;
			full = p->loaded;
		}
		m->tasks[0] = t;
		m->count = 1;
		p->loaded = m;
	} else {
		t->link = loose;
		loose = t;
	}
	lock_release(&lock);
}

void weft__task_each(void (*fn)(struct weft__task *t, void *arg), void *arg)
{
	for (struct chunk *c = at_load(&chunks, ACQUIRE); c != NULL; c = c->next) {
		uint32_t used = at_load(&c->used, ACQUIRE);
		for (uint32_t i = 0; i < used; i++)
			if (at_load(&c->tasks[i].flags, ACQUIRE) & TASK_LIVE)
				fn(&c->tasks[i], arg);
	}
}

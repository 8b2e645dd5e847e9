/*
 * waiting.h - how many tasks are parked: the event "it waits now", for tests that need it. Who is counted may
 * still be on the way: it does not hold its context yet (held).
 */
#ifndef TEST_WAITING_H
#define TEST_WAITING_H

#include "sync/context.h"

static void count_waiting(struct weft__task *t, void *arg)
{
	*(unsigned *)arg += at_load(&t->reason, RELAXED) != NULL;
}

static unsigned waiting(void)
{
	unsigned n = 0;

	weft__task_each(count_waiting, &n);
	return n;
}

/* How many calls hold the context: they wait, and it may be given up under them. */
WEFT_UNUSED static unsigned held(weft_context_t *ctx)
{
	struct weft__cancel *cancel = limit_ctx(ctx).cancel;
	unsigned refs;

	lock_acquire(&cancel->lock);
	refs = cancel->refs;
	lock_release(&cancel->lock);
	return refs - 1;
}

#endif /* TEST_WAITING_H */

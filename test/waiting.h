/* waiting.h - how many tasks are parked: the event "it waits now", for tests that need it. */
#ifndef TEST_WAITING_H
#define TEST_WAITING_H

#include "sched/sched.h"

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

#endif /* TEST_WAITING_H */

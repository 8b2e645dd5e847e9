/*
 * crowd.h - the same function in tasks and in plain threads at the same time; how many stand in a queue; and
 * dice that can be thrown again.
 */
#ifndef TEST_CROWD_H
#define TEST_CROWD_H

#include "random.h"
#include "sched/waitq.h"

enum { CROWD_THREADS = 8 };

struct crowd {
	weft_waitgroup_t tasks;
	pthread_t threads[CROWD_THREADS];
	unsigned nthreads;
};

struct crowd_call {
	weft_fn_t *fn;
	void *arg;
};

static void *crowd_thread(void *p)
{
	struct crowd_call call = *(struct crowd_call *)p;

	free(p);
	call.fn(call.arg);
	return NULL;
}

WEFT_UNUSED static void crowd_add_task(struct crowd *c, weft_fn_t *fn, void *arg)
{
	CHECK_EQ(weft_waitgroup_go(&c->tasks, fn, arg), 0);
}

WEFT_UNUSED static void crowd_add_thread(struct crowd *c, weft_fn_t *fn, void *arg)
{
	struct crowd_call *call = malloc(sizeof *call);

	CHECK(call != NULL && c->nthreads < CROWD_THREADS);
	*call = (struct crowd_call){ fn, arg };
	CHECK_EQ(pthread_create(&c->threads[c->nthreads++], NULL, crowd_thread, call), 0);
}

/* Every fourth one is a thread, while there is room. */
WEFT_UNUSED static void crowd_add(struct crowd *c, unsigned i, weft_fn_t *fn, void *arg)
{
	if (i % 4 == 3 && c->nthreads < CROWD_THREADS)
		crowd_add_thread(c, fn, arg);
	else
		crowd_add_task(c, fn, arg);
}

/* Waits for all; the crowd may be used again. */
WEFT_UNUSED static void crowd_join(struct crowd *c)
{
	CHECK_EQ(weft_waitgroup_wait(&c->tasks), 0);
	while (c->nthreads > 0)
		CHECK_EQ(pthread_join(c->threads[--c->nthreads], NULL), 0);
}

/* How many stand in the queue of an object, tasks and threads. Who stands there has parked. */
#define QUEUED(object) count_queued(&(object)->weft__lock, &(object)->weft__waiters)

WEFT_UNUSED static unsigned count_queued(uint32_t *lock, void **queue)
{
	struct weft__waiter *first, *w;
	unsigned n = 0;

	lock_acquire(lock);
	first = w = waitq_first(*queue);
	while (w != NULL) {
		n++;
		w = w->next != first ? w->next : NULL;
	}
	lock_release(lock);
	return n;
}

/* ---- dice: WEFT_TEST_SEED repeats a mix, not its schedule ---- */

#define dice below

/* The seed of the i-th thrower. */
WEFT_UNUSED static uint32_t dice_seed(unsigned i)
{
	static uint32_t seed;

	if (seed == 0)
		seed = test_seed();
	return random_stream(seed, i);
}

/* A deadline up to `most` ns from now. */
WEFT_UNUSED static weft_time_t dice_deadline(uint32_t *state, uint32_t most)
{
	return weft_deadline_in(dice(state, most));
}

#endif /* TEST_CROWD_H */

/*
 * chan_help.h - what the tests of channels, select and contexts share: plain threads, tasks
 * that are waited for.
 */
#ifndef TEST_CHAN_HELP_H
#define TEST_CHAN_HELP_H

#include "random.h"

/* ---- contexts ---- */

WEFT_UNUSED static weft_context_t *new_context(bool cancelled)
{
	weft_context_t *ctx = weft_context_create(NULL);

	CHECK(ctx != NULL);
	if (cancelled)
		weft_context_cancel(ctx);
	return ctx;
}

/* ---- plain threads ---- */

struct test_thread {
	pthread_t id;
	weft_fn_t *fn;
	void *arg;
};

static void *test_thread_main(void *arg)
{
	struct test_thread *t = arg;

	t->fn(t->arg);
	return NULL;
}

WEFT_UNUSED static void thread_start(struct test_thread *t, weft_fn_t *fn, void *arg)
{
	t->fn = fn;
	t->arg = arg;
	CHECK_EQ(pthread_create(&t->id, NULL, test_thread_main, t), 0);
}

WEFT_UNUSED static void thread_join(struct test_thread *t)
{
	CHECK_EQ(pthread_join(t->id, NULL), 0);
}

/* ---- tasks ---- */

/* WEFT_GO of a task that ends with weft_waitgroup_done(&wg). */
#define START(...)                                                                                           \
	do {                                                                                                 \
		weft_waitgroup_add(&wg, 1);                                                                  \
		CHECK_EQ(WEFT_GO(__VA_ARGS__), 0);                                                           \
	} while (0)

#define JOIN() CHECK_EQ(weft_waitgroup_wait(&wg), 0)

/* Runs fn on this plain thread, then in a task. */
WEFT_UNUSED static void on_both(weft_fn_t *fn)
{
	fn(NULL);
	CHECK_EQ(weft_run(fn, NULL), 0);
}

#endif /* TEST_CHAN_HELP_H */

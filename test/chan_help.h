/*
 * chan_help.h - what the tests of channels, select and contexts share: random numbers, plain threads, tasks
 * that are waited for.
 */
#ifndef TEST_CHAN_HELP_H
#define TEST_CHAN_HELP_H

#include "test.h"

/* ---- random numbers ---- */

static inline uint32_t random_next(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* A number below n; n > 0. */
static inline uint32_t below(uint32_t *state, uint32_t n)
{
	return (uint32_t)((uint64_t)random_next(state) * n >> 32);
}

/* WEFT_TEST_SEED, or one of its own; printed, to repeat a run's choices (not its schedule). */
static inline uint32_t test_seed(void)
{
	const char *text = getenv("WEFT_TEST_SEED");
	uint32_t seed = (uint32_t)(weft_now() ^ getpid()) | 1;

	if (text != NULL && *text != '\0')
		seed = (uint32_t)strtoul(text, NULL, 10) | 1;
	fprintf(stderr, "WEFT_TEST_SEED=%u\n", (unsigned)seed);
	return seed;
}

/* The start of the n-th stream of a seed. */
static inline uint32_t random_stream(uint32_t seed, uint32_t n)
{
	uint32_t state = (seed + n * 2654435769u) | 1;

	for (int i = 0; i < 4; i++)
		random_next(&state);
	return state;
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

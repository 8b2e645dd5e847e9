/* weft-test: label=valgrind */
/*
 * A group may be freed by its waiter as soon as the wait has returned 0, while the one who made the
 * last done is still on its way out of the call. Deadlines pass at about the time of the last done:
 * either outcome is fine, and a wait that has failed may be repeated. Under AddressSanitizer and
 * valgrind this finds a late touch.
 */
#include "test.h"

enum { PTHREADS = 2 };

static unsigned rounds;
static weft_waitgroup_t all;
static unsigned outcomes[2];

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

WEFT_TASK(finish, weft_waitgroup_t *, wg, unsigned, delay)
{
	if (delay % 3 == 0)
		weft_yield();
	spin(delay);
	weft_waitgroup_done(wg);
}

/* Waits for `n` tasks and frees at once; the deadline is near their end. */
static void one_round(unsigned i, bool with_deadline)
{
	weft_waitgroup_t *wg = calloc(1, sizeof *wg);
	unsigned n = 1 + i % 3;
	int r;

	CHECK(wg != NULL);
	weft_waitgroup_add(wg, (int)n);
	for (unsigned k = 0; k < n; k++)
		CHECK_EQ(WEFT_GO(finish, wg, i * 7 % 200), 0);
	if (with_deadline) {
		r = weft_waitgroup_wait_until(wg, weft_deadline_in((int64_t)(i * 131 % 20000)));
		CHECK(r == 0 || r == -ETIMEDOUT);
		at_add(&outcomes[r == 0], 1, RELAXED);
		if (r != 0)
			CHECK_EQ(weft_waitgroup_wait(wg), 0);
	} else {
		CHECK_EQ(weft_waitgroup_wait(wg), 0);
	}
	memset(wg, 0xa5, sizeof *wg);
	free(wg);
}

static void *on_thread(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < rounds; i++)
		one_round(i, i % 2 == 0);
	return NULL;
}

WEFT_TASK(in_task, unsigned, first)
{
	for (unsigned i = first; i < first + rounds; i++)
		one_round(i, i % 2 == 1);
	weft_waitgroup_done(&all);
}

/* The last done comes from a plain thread, the wait from a task, and the other way round. */
static void *done_on_thread(void *arg)
{
	weft_waitgroup_t *volatile *place = arg;

	for (unsigned i = 0; i < rounds; i++) {
		weft_waitgroup_t *wg;
		while ((wg = at_load(place, ACQUIRE)) == NULL)
			sched_yield();
		at_store(place, NULL, RELAXED);
		spin(i % 100);
		weft_waitgroup_done(wg);
	}
	return NULL;
}

static void wait_in_task(void *arg)
{
	weft_waitgroup_t *volatile *place = arg;

	for (unsigned i = 0; i < rounds; i++) {
		weft_waitgroup_t *wg = calloc(1, sizeof *wg);
		CHECK(wg != NULL);
		weft_waitgroup_add(wg, 1);
		at_store(place, wg, RELEASE);
		if (i % 2 == 0) {
			while (weft_waitgroup_wait_until(wg, weft_deadline_in((int64_t)(i * 131 % 5000))) !=
				0)
				;
		} else {
			weft_waitgroup_wait(wg);
		}
		memset(wg, 0xa5, sizeof *wg);
		free(wg);
	}
}

int main(void)
{
	weft_waitgroup_t *volatile place = NULL;
	pthread_t threads[PTHREADS];

	rounds = test_scaled(3000);
	test_begin();
	weft_waitgroup_add(&all, 2);
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, on_thread, NULL), 0);
	CHECK_EQ(WEFT_GO(in_task, 5), 0);
	CHECK_EQ(WEFT_GO(in_task, 1000), 0);
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	weft_waitgroup_wait(&all);
	fprintf(stderr, "%u deadlines passed first, %u did not\n", outcomes[0], outcomes[1]);

	CHECK_EQ(pthread_create(&threads[0], NULL, done_on_thread, (void *)&place), 0);
	CHECK_EQ(weft_run(wait_in_task, (void *)&place), 0);
	CHECK_EQ(pthread_join(threads[0], NULL), 0);
	test_end();
	return 0;
}

/*
 * The lock that is biased to a thread: it changes hands between threads that want it again and again, it is
 * asked for where its owner does other things, and taken by force where the owner does nothing at all.
 */
#include "test.h"

#include "random.h"
#include "sched/bias.h"

static struct weft__bias lock = WEFT__BIAS_INIT;
static unsigned long inside, sections; /* under the lock */
static unsigned turn;                  /* atomic */

static void section(unsigned n)
{
	struct weft__thread *self = weft__self();

	for (unsigned i = 0; i < n; i++) {
		bias_acquire(self, &lock);
		CHECK_EQ(inside++, 0);
		sections++;
		CHECK_EQ(--inside, 0);
		bias_release(self, &lock);
	}
}

/* The record of the calling thread. */
static void begin_thread(void)
{
	CHECK_EQ(known(), 0);
}

static void *contends(void *arg)
{
	unsigned n = *(unsigned *)arg;

	begin_thread();
	for (unsigned i = 0; i < n; i += 50)
		section(50);
	return NULL;
}

/* Two or more at once: every section is alone. */
static void test_contention(unsigned threads, unsigned n)
{
	pthread_t thread[8];

	sections = 0;
	for (unsigned i = 0; i < threads; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, contends, &n), 0);
	for (unsigned i = 0; i < threads; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(sections, (unsigned long)threads * n);
}

static void *owns(void *arg)
{
	(void)arg;
	begin_thread();
	section(100000);
	if (weft__barriers_unequal)
		CHECK(at_load(&lock.owner, RELAXED) == weft__self());
	at_store(&turn, 1, RELEASE);
	/* Comes back to the lock only when the other has had it. */
	WAIT_FOR(at_load(&turn, ACQUIRE) == 2);
	section(1);
	return NULL;
}

/* The owner sleeps: it cannot answer. */
static void test_force(void)
{
	pthread_t thread;

	at_store(&turn, 0, RELAXED);
	sections = 0;
	CHECK_EQ(pthread_create(&thread, NULL, owns, NULL), 0);
	WAIT_FOR(at_load(&turn, ACQUIRE) == 1);
	section(1);
	CHECK(at_load(&lock.owner, RELAXED) == NULL);
	at_store(&turn, 2, RELEASE);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(sections, 100002);
}

enum { BURST = 300 };

static weft_waitgroup_t bursts;

/* Uses the lock until it is biased to this thread, then runs others for a while. */
static void bursty(void *arg)
{
	uint32_t random = *(uint32_t *)arg;

	for (unsigned i = 0; i < test_scaled(5000); i++) {
		section(BURST);
		for (unsigned n = random_next(&random) % 200; n > 0; n--)
			weft_yield();
	}
}

/* The owners run tasks that do not touch the lock: they answer between two of them. */
static void test_ask(void)
{
	uint32_t seeds[3] = { 1, 2, 3 };

	sections = 0;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_waitgroup_go(&bursts, bursty, &seeds[i]), 0);
	weft_waitgroup_wait(&bursts);
	CHECK_EQ(sections, 3ul * BURST * test_scaled(5000));
}

int main(void)
{
	test_env("WEFT_PROCS", "2");
	test_begin();
	begin_thread();
	test_contention(1, 100000);
	test_contention(2, test_scaled(2000000));
	test_contention(4, test_scaled(200000));
	test_force();
	test_ask();
	test_end();
	return 0;
}

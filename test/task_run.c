/* weft-test: label=valgrind */
/* weft_run returns when its function has; from main, from tasks, from many threads at once. */
#include "test.h"

enum { PTHREADS = 4 };

struct sum {
	unsigned depth;
	uint64_t result;
};

/* 1 + 2 + ... by nested runs; each waits for the one below it. */
static void sum(void *arg)
{
	struct sum *s = arg;
	struct sum below = { s->depth - 1, 0 };

	CHECK(weft_task_id() > 0);
	if (s->depth > 0)
		CHECK_EQ(weft_run(sum, &below), 0);
	s->result = s->depth + below.result;
}

static void *run_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < test_scaled(300); i++) {
		struct sum s = { i % 20, 0 };
		CHECK_EQ(weft_run(sum, &s), 0);
		CHECK_EQ(s.result, (i % 20) * (i % 20 + 1) / 2);
		CHECK_EQ(weft_task_id(), 0);
	}
	return NULL;
}

static weft_waitgroup_t others, gate;

static void other(void *arg)
{
	(void)arg;
	weft_waitgroup_wait(&gate);
}

static void start_another(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&others, other, NULL), 0);
}

static void sleeps(void *arg)
{
	weft_sleep(WEFT_MS(5));
	*(bool *)arg = true;
}

int main(void)
{
	pthread_t threads[PTHREADS];
	struct sum s = { 100, 0 };
	bool slept = false;

	/* The first call starts the runtime. */
	CHECK_EQ(weft_run(sum, &s), 0);
	CHECK_EQ(s.result, 5050);
	test_begin();
	CHECK_EQ(weft_run(sleeps, &slept), 0);
	CHECK(slept);

	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run_many, NULL), 0);
	run_many(NULL);
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);

	/* Other tasks are not waited for: this one cannot end before the run has returned. */
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_run(start_another, NULL), 0);
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&others);
	test_end();
	return 0;
}

/* weft-test: label=valgrind */
/*
 * Task-local values: one for each task and thread, destroyed at their ends, whichever thread the task
 * runs on then.
 */
#include "test.h"

enum { TASKS = 200 };

static weft_local_key_t counted, plain;
static unsigned destroyed, destroyed_by_owner;
static weft_waitgroup_t wg;

struct value {
	uint64_t owner; /* task */
	int number;
};

static void destroy(void *p)
{
	struct value *v = p;

	at_add(&destroyed, 1, RELAXED);
	if (v->owner == weft_task_id())
		at_add(&destroyed_by_owner, 1, RELAXED);
	/* A destructor may use weft. */
	weft_yield();
	free(v);
}

static struct value *value_new(int number)
{
	struct value *v = malloc(sizeof *v);

	CHECK(v != NULL);
	v->owner = weft_task_id();
	v->number = number;
	return v;
}

static void use(void *arg)
{
	int n = (int)(intptr_t)arg;
	struct value *v;

	CHECK(weft_local_get(counted) == NULL);
	CHECK(weft_local_get(plain) == NULL);
	if (n % 4 == 3)
		return; /* some never set one */
	CHECK_EQ(weft_local_set(counted, value_new(n)), 0);
	CHECK_EQ(weft_local_set(plain, arg), 0);
	for (int i = 0; i < 10; i++) {
		if (i == 5)
			weft_sleep(WEFT_US(100));
		else
			weft_yield();
		v = weft_local_get(counted);
		CHECK_EQ(v->number, n);
		CHECK(v->owner == weft_task_id());
		CHECK(weft_local_get(plain) == arg);
	}
	if (n % 4 == 2) {
		/* Taken back: not destroyed. */
		CHECK_EQ(weft_local_set(counted, NULL), 0);
		free(v);
	}
}

static void *use_on_pthread(void *arg)
{
	CHECK(weft_local_get(counted) == NULL);
	CHECK_EQ(weft_local_set(counted, value_new(1)), 0);
	CHECK_EQ(((struct value *)weft_local_get(counted))->number, 1);
	return arg;
}

/* A destructor that sets a value again is called again, but not for ever. */
static weft_local_key_t stubborn;
static unsigned stubborn_rounds;

static void set_again(void *value)
{
	at_add(&stubborn_rounds, 1, RELAXED);
	CHECK_EQ(weft_local_set(stubborn, value), 0);
}

static void be_stubborn(void *arg)
{
	CHECK_EQ(weft_local_set(stubborn, arg), 0);
}

static void key_never_created(void)
{
	weft_local_get(WEFT_LOCAL_KEYS_MAX - 1);
}

static void set_key_never_created(void)
{
	int value;

	weft_local_set(77, &value);
}

static void keys_run_out(void)
{
	weft_local_key_t key, first;
	int n = 1;

	CHECK_EQ(weft_local_create(&first, NULL), 0);
	while (weft_local_create(&key, NULL) == 0)
		n++;
	CHECK_EQ(n, WEFT_LOCAL_KEYS_MAX);
	CHECK_EQ(weft_local_create(&key, NULL), -EAGAIN);
	CHECK_EQ(weft_local_set(first, &n), 0);
	CHECK(weft_local_get(first) == &n);
}

int main(void)
{
	pthread_t thread;

	MUST_PANIC(key_never_created, "key 127 was never created");
	MUST_PANIC(set_key_never_created, "key 77 was never created");
	CHILD_ENDS(test_run_child(keys_run_out), 0);

	test_begin();
	CHECK_EQ(weft_local_create(&counted, destroy), 0);
	CHECK_EQ(weft_local_create(&plain, NULL), 0);
	CHECK(counted != plain);
	for (int i = 0; i < TASKS; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, use, (void *)(intptr_t)i), 0);
	weft_waitgroup_wait(&wg);
	/* Destructors run after the function has returned. */
	WAIT_FOR(test_stats().tasks_alive == 0);
	CHECK_EQ(at_load(&destroyed, RELAXED), TASKS / 2);
	CHECK_EQ(at_load(&destroyed_by_owner, RELAXED), TASKS / 2);

	CHECK_EQ(pthread_create(&thread, NULL, use_on_pthread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(at_load(&destroyed, RELAXED), TASKS / 2 + 1);
	/* The next thread finds nothing of it. */
	CHECK_EQ(pthread_create(&thread, NULL, use_on_pthread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(at_load(&destroyed, RELAXED), TASKS / 2 + 2);

	CHECK_EQ(weft_local_create(&stubborn, set_again), 0);
	CHECK_EQ(weft_run(be_stubborn, &stubborn), 0);
	WAIT_FOR(test_stats().tasks_alive == 0);
	CHECK(at_load(&stubborn_rounds, RELAXED) >= 1 && at_load(&stubborn_rounds, RELAXED) < 100);
	test_end();
	return 0;
}

/*
 * No memory. On a plain thread for whose record there is none, a call that would have to wait says so and
 * changes nothing; one that need not wait works; one that wakes others does. A group that cannot start a task
 * is as before; so is a flight that cannot copy a key.
 */
#include "test.h"

#include "base/alloc.h"
#include "crowd.h"

#if defined(WEFT_DEBUG) && WEFT_DEBUG

static weft_mutex_t mutex, held;
static weft_cond_t cond;
static weft_semaphore_t semaphore = WEFT_SEMAPHORE_INIT(1), empty;
static weft_once_t once, busy;
static weft_flight_t flight;
static weft_waitgroup_t gate;
static unsigned ran; /* atomic */

static void *in_thread(void *p)
{
	weft__alloc_fail_after(0);
	((void (*)(void))p)();
	CHECK(weft__self() == NULL);
	weft__alloc_fail_after(-1);
	return NULL;
}

/* On a thread that weft does not know, without memory. */
static void on_new_thread(void (*fn)(void))
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, in_thread, (void *)(uintptr_t)fn), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void runs(void *arg)
{
	(void)arg;
	at_add(&ran, 1, RELAXED);
}

static int flies(void *arg, void **result)
{
	*result = arg;
	at_add(&ran, 1, RELAXED);
	return 5;
}

/* ---- calls that would wait ---- */

static void waits_at_gate(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_wait(&gate), 0);
}

static int flies_slowly(void *arg, void **result)
{
	waits_at_gate(arg);
	*result = NULL;
	return 0;
}

static void keeps_busy(void *arg)
{
	CHECK_EQ(weft_once_do(&busy, waits_at_gate, arg), 0);
}

static void keeps_flying(void *arg)
{
	CHECK_EQ(weft_flight_do(&flight, "key", 3, flies_slowly, arg, NULL, NULL), 0);
}

static void would_wait(void)
{
	char key[100] = "long";

	CHECK_EQ(weft_mutex_lock(&held), -ENOMEM);
	CHECK_EQ(weft_mutex_lock_until(&held, weft_deadline_in(WEFT_S(1000))), -ENOMEM);
	CHECK_EQ(weft_mutex_lock_until(&held, 0), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_try_lock(&held), -EBUSY);
	CHECK_EQ(weft_semaphore_acquire(&empty, 0), 0);
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 2), -ENOMEM);
	CHECK_EQ(weft_once_do(&busy, runs, NULL), -ENOMEM);
	CHECK_EQ(weft_flight_do(&flight, "key", 3, flies, NULL, NULL, NULL), -ENOMEM);
	CHECK_EQ(weft_flight_do(&flight, key, sizeof key, flies, NULL, NULL, NULL), -ENOMEM);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	CHECK_EQ(weft_cond_wait(&cond, &mutex), -ENOMEM);
	CHECK_EQ(weft_mutex_try_lock(&mutex), -EBUSY);
	weft_mutex_unlock(&mutex);
	CHECK_EQ(ran, 0);
	/* And what need not wait. */
	CHECK_EQ(weft_once_do(&once, runs, NULL), 0);
	CHECK_EQ(weft_once_do(&once, runs, NULL), 0);
	CHECK_EQ(weft_flight_do(&flight, "other", 5, flies, NULL, NULL, NULL), 5);
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	weft_semaphore_release(&semaphore, 1);
	CHECK_EQ(ran, 2);
}

static void blocked(void)
{
	struct crowd crowd = { .nthreads = 0 };

	CHECK_EQ(weft_mutex_lock(&held), 0);
	weft_waitgroup_add(&gate, 1);
	crowd_add_task(&crowd, keeps_busy, NULL);
	crowd_add_task(&crowd, keeps_flying, NULL);
	WAIT_FOR(QUEUED(&gate) == 2);
	on_new_thread(would_wait);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	weft_mutex_unlock(&held);
	CHECK_EQ(QUEUED(&held), 0);
	CHECK_EQ(QUEUED(&cond), 0);
	CHECK_EQ(QUEUED(&semaphore), 0);
}

/* ---- calls that wake ---- */

static void locks(void *arg)
{
	CHECK_EQ(weft_mutex_lock(arg), 0);
	runs(NULL);
	weft_mutex_unlock(arg);
}

static void awaits_signal(void *arg)
{
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	CHECK_EQ(weft_cond_wait(arg, &mutex), 0);
	runs(NULL);
	weft_mutex_unlock(&mutex);
}

static void acquires(void *arg)
{
	CHECK_EQ(weft_semaphore_acquire(arg, 1), 0);
	runs(NULL);
}

static void unlocks(void)
{
	weft_mutex_unlock(&held);
}

static void signals(void)
{
	weft_cond_signal(&cond);
	weft_cond_broadcast(&cond);
}

static void releases(void)
{
	weft_semaphore_release(&semaphore, 1);
}

/* Two who wait; of a thread that ended a record would be left. */
static void wakes(
	weft_fn_t *waiter, void *object, uint32_t *lock, void **queue, void (*waker)(void), bool thread)
{
	struct crowd crowd = { .nthreads = 0 };

	ran = 0;
	crowd_add_task(&crowd, waiter, object);
	WAIT_FOR(count_queued(lock, queue) == 1);
	crowd_add(&crowd, thread ? 3 : 0, waiter, object);
	WAIT_FOR(count_queued(lock, queue) == 2);
	on_new_thread(waker);
	if (object == &semaphore) {
		WAIT_FOR(at_load(&ran, RELAXED) == 1);
		weft_semaphore_release(&semaphore, 1);
	}
	crowd_join(&crowd);
	CHECK_EQ(ran, 2);
}

static void scenario(void)
{
	test_begin();
	blocked();
	wakes(awaits_signal, &cond, &cond.weft__lock, &cond.weft__waiters, signals, false);
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	wakes(acquires, &semaphore, &semaphore.weft__lock, &semaphore.weft__waiters, releases, false);
	CHECK_EQ(weft_mutex_lock(&held), 0);
	wakes(locks, &held, &held.weft__lock, &held.weft__waiters, unlocks, true);
	test_end();
}

/* ---- tasks that cannot be started ---- */

static int passes_gate(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	waits_at_gate(arg);
	at_add(&ran, 1, RELAXED);
	return 0;
}

static void group_scenario(void)
{
	weft_group_t group = WEFT_GROUP_INIT;
	unsigned started = 0;
	weft_scope_t scope;
	int err;

	test_begin();
	weft__alloc_fail_after(0);
	CHECK_EQ(weft_group_init(&group, NULL), -ENOMEM);
	CHECK(weft_group_context(&group) == NULL);
	weft_group_set_limit(&group, 1000000);
	weft_waitgroup_add(&gate, 1);
	while ((err = weft_group_go(&group, passes_gate, NULL)) == 0)
		started++;
	CHECK_EQ(err, -ENOMEM);
	CHECK_EQ(weft_group_try_go(&group, passes_gate, NULL), -ENOMEM);
	weft__alloc_fail_after(-1);
	CHECK_EQ(weft_scope_begin(&scope, NULL), 0);
	weft__alloc_fail_after(0);
	while ((err = weft_scope_go(&scope, passes_gate, NULL)) == 0)
		started++;
	CHECK_EQ(err, -ENOMEM);
	weft__alloc_fail_after(-1);
	weft_waitgroup_done(&gate);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(weft_scope_end(&scope), 0);
	CHECK_EQ(ran, started);
	/* All slots are there again. */
	CHECK_EQ(weft_semaphore_try_acquire(&group.weft__slots, 1000000), 0);
	test_end();
}

int main(void)
{
	CHILD_ENDS(test_run_child(scenario), 0);
	CHILD_ENDS(test_run_child(group_scenario), 0);
	return 0;
}

#else

int main(void)
{
	SKIP("allocations can be made to fail in builds with WEFT_DEBUG only");
}

#endif

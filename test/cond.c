/* weft-test: label=valgrind */
/*
 * Conditions: a signal wakes one, in the order of coming; a broadcast wakes all; nobody is woken for no
 * reason; the mutex is locked afterwards, whatever happened; and what misuse says.
 */
#include "test.h"

#include "crowd.h"

enum { WAITERS = 20, BUFFER = 3 };

static weft_mutex_t mutex;
static weft_cond_t cond;
static unsigned order[WAITERS];
static unsigned woken; /* changed under the mutex; atomic, for those who wait for it */

static void lock(void)
{
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
}

static void is_locked(void)
{
	CHECK_EQ(weft_mutex_try_lock(&mutex), -EBUSY);
}

static void waits(void *arg)
{
	unsigned number = *(unsigned *)arg;
	int err;

	lock();
	switch (number % 3) {
	case 0:
		err = weft_cond_wait(&cond, &mutex);
		break;
	case 1:
		err = weft_cond_wait_until(&cond, &mutex, weft_deadline_in(WEFT_S(1000)));
		break;
	default:
		err = weft_cond_wait_ctx(&cond, &mutex, NULL);
	}
	CHECK_EQ(err, 0);
	is_locked();
	order[woken] = number;
	at_add(&woken, 1, RELEASE);
	weft_mutex_unlock(&mutex);
}

static void start_waiters(struct crowd *crowd, unsigned *numbers)
{
	woken = 0;
	for (unsigned i = 0; i < WAITERS; i++) {
		numbers[i] = i;
		crowd_add(crowd, i, waits, &numbers[i]);
		WAIT_FOR(QUEUED(&cond) == i + 1);
	}
}

/* One at a time, first come first; with the mutex held and without. */
static void signals(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[WAITERS];

	start_waiters(&crowd, numbers);
	for (unsigned i = 0; i < WAITERS; i++) {
		CHECK_EQ(QUEUED(&cond), WAITERS - i);
		if (i % 2 == 0)
			lock();
		weft_cond_signal(&cond);
		CHECK_EQ(QUEUED(&cond), WAITERS - i - 1);
		if (i % 2 == 0) {
			CHECK_EQ(at_load(&woken, ACQUIRE), i);
			weft_mutex_unlock(&mutex);
		}
		WAIT_FOR(at_load(&woken, ACQUIRE) == i + 1);
		CHECK_EQ(order[i], i);
	}
	crowd_join(&crowd);
	weft_cond_signal(&cond);
	weft_cond_broadcast(&cond);
}

static void broadcasts(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[WAITERS], seen = 0;

	start_waiters(&crowd, numbers);
	lock();
	weft_cond_broadcast(&cond);
	CHECK_EQ(QUEUED(&cond), 0);
	CHECK_EQ(at_load(&woken, RELAXED), 0);
	weft_mutex_unlock(&mutex);
	crowd_join(&crowd);
	CHECK_EQ(woken, WAITERS);
	for (unsigned i = 0; i < WAITERS; i++)
		seen |= 1u << order[i];
	CHECK_EQ(seen, (1u << WAITERS) - 1);
}

/* ---- limits ---- */

static weft_context_t *ctx;
static unsigned gave_up; /* under the mutex */

static void is_cancelled(void *arg)
{
	(void)arg;
	lock();
	CHECK_EQ(weft_cond_wait_ctx(&cond, &mutex, ctx), -ECANCELED);
	is_locked();
	gave_up++;
	weft_mutex_unlock(&mutex);
}

static void times_out(void *arg)
{
	(void)arg;
	lock();
	CHECK_EQ(weft_cond_wait_until(&cond, &mutex, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	is_locked();
	gave_up++;
	weft_mutex_unlock(&mutex);
}

/* A signal before the wait is not kept. */
static void no_memory(void *arg)
{
	(void)arg;
	lock();
	weft_cond_signal(&cond);
	weft_cond_broadcast(&cond);
	CHECK_EQ(weft_cond_wait_until(&cond, &mutex, weft_deadline_in(WEFT_US(100))), -ETIMEDOUT);
	is_locked();
	CHECK_EQ(weft_cond_wait_until(&cond, &mutex, INT64_MIN), -ETIMEDOUT);
	CHECK_EQ(weft_cond_wait_ctx(&cond, &mutex, ctx), -ECANCELED);
	is_locked();
	weft_mutex_unlock(&mutex);
}

static bool flag; /* under the mutex */

static void raises(void *arg)
{
	(void)arg;
	lock();
	flag = true;
	weft_mutex_unlock(&mutex);
}

/* Who only looks in again and again lets others have the mutex. */
static void polls(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;

	(void)arg;
	lock();
	flag = false;
	CHECK_EQ(weft_waitgroup_go(&wg, raises, NULL), 0);
	while (!flag)
		CHECK_EQ(weft_cond_wait_until(&cond, &mutex, 0), -ETIMEDOUT);
	weft_mutex_unlock(&mutex);
	weft_waitgroup_wait(&wg);
}

static void limits(void)
{
	struct crowd crowd = { .nthreads = 0 }, patient = { .nthreads = 0 };
	unsigned numbers[2] = { 0, 3 };

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	gave_up = woken = 0;
	crowd_add_task(&patient, waits, &numbers[0]);
	crowd_add_thread(&patient, waits, &numbers[1]);
	WAIT_FOR(QUEUED(&cond) == 2);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, times_out, NULL);
	crowd_join(&crowd);
	CHECK_EQ(QUEUED(&cond), 2);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, is_cancelled, NULL);
	WAIT_FOR(QUEUED(&cond) == 10);
	/* They cannot return while somebody holds the mutex. */
	lock();
	weft_context_cancel(ctx);
	WAIT_FOR(QUEUED(&cond) == 2);
	WAIT_FOR(QUEUED(&mutex) == 8);
	weft_mutex_unlock(&mutex);
	crowd_join(&crowd);
	CHECK_EQ(gave_up, 16);
	CHECK_EQ(QUEUED(&cond), 2);
	CHECK_EQ(woken, 0);
	weft_cond_broadcast(&cond);
	crowd_join(&patient);
	CHECK_EQ(woken, 2);
	no_memory(NULL);
	CHECK_EQ(weft_run(no_memory, NULL), 0);
	CHECK_EQ(QUEUED(&cond), 0);
	weft_context_destroy(ctx);
	ctx = NULL;
}

/* ---- a bounded queue ---- */

static weft_cond_t not_full, not_empty;
static unsigned buffered, items, eaten, todo; /* under the mutex */

static void produces(void *arg)
{
	for (unsigned i = 0; i < *(unsigned *)arg; i++) {
		lock();
		while (buffered == BUFFER)
			CHECK_EQ(weft_cond_wait(&not_full, &mutex), 0);
		buffered++;
		items++;
		weft_mutex_unlock(&mutex);
		weft_cond_signal(&not_empty);
	}
}

static void consumes(void *arg)
{
	(void)arg;
	for (;;) {
		bool last;
		lock();
		while (buffered == 0 && eaten < todo)
			CHECK_EQ(weft_cond_wait(&not_empty, &mutex), 0);
		if (eaten == todo) {
			weft_mutex_unlock(&mutex);
			return;
		}
		CHECK(buffered <= BUFFER);
		buffered--;
		last = ++eaten == todo;
		weft_cond_signal(&not_full);
		weft_mutex_unlock(&mutex);
		if (last)
			weft_cond_broadcast(&not_empty);
	}
}

static void bounded_queue(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned each = test_scaled(2000);

	todo = 8 * each;
	buffered = items = eaten = 0;
	for (unsigned i = 0; i < 8; i++) {
		crowd_add(&crowd, i, produces, &each);
		crowd_add(&crowd, i, consumes, NULL);
	}
	crowd_join(&crowd);
	CHECK_EQ(items, todo);
	CHECK_EQ(eaten, todo);
	CHECK_EQ(buffered, 0);
}

/* ---- the memory may go at once ---- */

struct event {
	weft_mutex_t mutex;
	weft_cond_t cond;
	bool happened;
};

static void happens(void *arg)
{
	struct event *e = arg;

	CHECK_EQ(weft_mutex_lock(&e->mutex), 0);
	e->happened = true;
	weft_cond_signal(&e->cond);
	weft_mutex_unlock(&e->mutex);
}

static void freed_at_once(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };

	(void)arg;
	for (unsigned round = 0; round < test_scaled(1000); round++) {
		struct event *e = calloc(1, sizeof *e);
		CHECK(e != NULL);
		crowd_add(&crowd, round % 8 == 0 ? 3 : 0, happens, e);
		CHECK_EQ(weft_mutex_lock(&e->mutex), 0);
		while (!e->happened) {
			if (round % 2 == 0)
				CHECK_EQ(weft_cond_wait(&e->cond, &e->mutex), 0);
			else
				(void)weft_cond_wait_until(
					&e->cond, &e->mutex, weft_deadline_in(round * 131 % 9000));
		}
		weft_mutex_unlock(&e->mutex);
		memset(e, 0xa5, sizeof *e);
		free(e);
		if (crowd.nthreads == CROWD_THREADS)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- misuse ---- */

static void not_locked(void)
{
	NOTE("weft_cond_wait: condition %p: mutex %p is not locked", (void *)&cond, (void *)&mutex);
	(void)weft_cond_wait_until(&cond, &mutex, 0);
}

int main(void)
{
	MUST_PANIC(not_locked, "is not locked");
	test_begin();
	for (unsigned i = 0; i < test_scaled(10); i++) {
		signals();
		broadcasts();
		limits();
		polls(NULL);
		CHECK_EQ(weft_run(polls, NULL), 0);
	}
	bounded_queue();
	freed_at_once(NULL);
	CHECK_EQ(weft_run(freed_at_once, NULL), 0);
	test_end();
	return 0;
}

/* weft-test: timeout=300 */
/*
 * A forest of contexts that tasks and plain threads change all the time: new children in place of others,
 * cancels, deadlines, ends; while others wait with them in every way, poll them, read values, set and stop
 * functions. What is cancelled stays so, with the same error and cause; a child of one that is cancelled is;
 * no deadline is later than the parent's; every wait ends; every function runs once or is stopped.
 * WEFT_TEST_SEED repeats the choices (not the schedule); WEFT_TEST_OPS scales.
 */
#include "test.h"

#include "chan_help.h"

enum { PLACES = 24, PARTIES = 10, THREADS = 3 };

typedef WEFT_CHAN(int) ints_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static weft_context_t *places[PLACES]; /* under mutex; each with a count */
static weft_waitgroup_t wg;
static ints_t nobody;             /* nobody sends on it */
static int64_t budget;            /* atomic */
static uint64_t set, ran, halted; /* atomic: functions */
static uint64_t waits;            /* atomic: waits that a context ended */
static bool ended;                /* atomic */
static char keys[3];

struct party {
	uint32_t random;
	struct test_thread thread;
};

static weft_context_t *take(unsigned place)
{
	weft_context_t *ctx;

	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	ctx = weft_context_retain(places[place]);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	return ctx;
}

/* The count of the one that was there is the caller's. */
static weft_context_t *put(unsigned place, weft_context_t *ctx)
{
	weft_context_t *old;

	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	old = places[place];
	places[place] = ctx;
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	return old;
}

static weft_context_t *new_child(weft_context_t *parent, uint32_t *random)
{
	weft_context_t *ctx;

	switch (below(random, 8)) {
	case 0:
	case 1:
		ctx = weft_context_create_timeout(parent, WEFT_US(below(random, 2000)));
		break;
	case 2:
		ctx = weft_context_create_until(parent, weft_deadline_in(WEFT_US(below(random, 500))));
		break;
	case 3:
		ctx = weft_context_create_value(parent, &keys[below(random, 3)], &keys[below(random, 3)]);
		break;
	case 4:
		ctx = weft_context_create_detached(parent);
		CHECK(ctx != NULL);
		CHECK_EQ(weft_context_deadline(ctx), WEFT_NEVER);
		return ctx;
	default:
		ctx = weft_context_create(parent);
	}
	CHECK(ctx != NULL);
	CHECK(weft_context_deadline(ctx) <= weft_context_deadline(parent));
	return ctx;
}

/* ---- what one does with a context ---- */

static void is_consistent(weft_context_t *ctx)
{
	int err = weft_context_err(ctx), cause = weft_context_cause(ctx);

	CHECK(err == 0 || err == -ECANCELED || err == -ETIMEDOUT);
	if (err == -ETIMEDOUT) {
		CHECK_EQ(cause, -ETIMEDOUT);
		CHECK(weft_context_deadline(ctx) <= weft_now());
	}
	if (err != 0) {
		CHECK(cause != 0);
		weft_yield();
		CHECK_EQ(weft_context_err(ctx), err);
		CHECK_EQ(weft_context_cause(ctx), cause);
	}
}

/* A wait that only the context can end, which is cancelled in the end if not before. */
static int wait_long(weft_context_t *ctx, uint32_t *random, const int *fds)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	weft_ticker_t ticker;
	int r;

	switch (below(random, 6)) {
	case 0:
		return weft_sleep_ctx(WEFT_S(10000), ctx);
	case 1:
		return weft_fd_wait_ctx(fds[0], WEFT_READABLE, ctx);
	case 2:
		weft_ticker_start(&ticker, WEFT_S(10000));
		return weft_ticker_wait_ctx(&ticker, ctx);
	case 3:
		weft_waitgroup_add(&group, 1);
		return weft_waitgroup_wait_ctx(&group, ctx);
	case 4:
		return WEFT_RECV_CTX(nobody, NULL, ctx);
	default:
		CHECK_EQ(weft_context_wait(ctx), 0);
		r = weft_context_err(ctx);
		CHECK(r != 0);
		return r;
	}
}

static void wait_short(weft_context_t *ctx, uint32_t *random)
{
	int64_t time = WEFT_US(below(random, 100));
	int r;

	if (below(random, 2) == 0) {
		r = weft_sleep_ctx(time, ctx);
		if (r != 0)
			CHECK_EQ(r, weft_context_err(ctx));
	} else {
		r = weft_context_wait_until(ctx, weft_deadline_in(time));
		CHECK(r == 0 ? weft_context_err(ctx) != 0 : r == -ETIMEDOUT);
	}
}

struct call {
	weft_after_t after;
	weft_context_t *ctx;
	unsigned counts; /* atomic: fn, and who may stop it */
};

static void give_up(struct call *c, unsigned counts)
{
	if (at_sub(&c->counts, counts, ACQ_REL) == counts) {
		weft_context_release(c->ctx);
		free(c);
	}
}

static void runs_after(void *arg)
{
	struct call *c = arg;

	CHECK(weft_context_err(c->ctx) != 0);
	at_add(&ran, 1, RELAXED);
	give_up(c, 1);
}

/* Takes over the count. */
static void set_function(weft_context_t *ctx, uint32_t *random)
{
	struct call *c = calloc(1, sizeof *c);

	CHECK(c != NULL);
	c->ctx = ctx;
	c->counts = 2;
	at_add(&set, 1, RELAXED);
	CHECK_EQ(weft_context_after(ctx, &c->after, runs_after, c), 0);
	if (below(random, 2) == 0)
		wait_short(ctx, random);
	if (weft_context_after_stop(&c->after) == 1) {
		at_add(&halted, 1, RELAXED);
		give_up(c, 2);
	} else {
		give_up(c, 1);
	}
}

static void one_operation(uint32_t *random, const int *fds)
{
	weft_context_t *ctx = take(below(random, PLACES)), *child;
	unsigned place = below(random, PLACES);
	int before, r;

	switch (below(random, 12)) {
	case 0:
	case 1:
	case 2:
		weft_context_destroy(put(place, new_child(ctx, random)));
		break;
	case 3:
		/* Only let go, which cancels nothing; its deadline, or that of an ancestor, ends it later. */
		child = put(place, new_child(NULL, random));
		if (weft_context_deadline(child) != WEFT_NEVER)
			weft_context_release(child);
		else
			weft_context_destroy(child);
		break;
	case 4:
		before = weft_context_err(ctx);
		child = weft_context_create(ctx);
		CHECK(child != NULL);
		if (before != 0) {
			CHECK_EQ(weft_context_err(child), before);
			CHECK_EQ(weft_context_cause(child), weft_context_cause(ctx));
		}
		weft_context_cancel_cause(child, 77);
		CHECK(weft_context_err(child) != 0);
		weft_context_release(child);
		break;
	case 5:
		weft_context_cancel_cause(ctx, 1 + (int)below(random, 100));
		CHECK(weft_context_err(ctx) != 0);
		break;
	case 6:
		wait_short(ctx, random);
		break;
	case 7:
	case 8:
		child = weft_context_create_timeout(ctx, WEFT_US(below(random, 1000)));
		CHECK(child != NULL);
		r = wait_long(child, random, fds);
		CHECK(r == -ECANCELED || r == -ETIMEDOUT);
		CHECK_EQ(r, weft_context_err(child));
		at_add(&waits, 1, RELAXED);
		weft_context_destroy(child);
		break;
	case 9:
		set_function(ctx, random);
		return;
	case 10:
		(void)weft_context_value(ctx, &keys[below(random, 3)]);
		is_consistent(ctx);
		break;
	default:
		is_consistent(ctx);
	}
	weft_context_release(ctx);
}

static void take_part(void *arg)
{
	struct party *p = arg;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	while (at_sub(&budget, 1, RELAXED) > 0)
		one_operation(&p->random, fds);
	close(fds[0]);
	close(fds[1]);
}

/* Waits with whatever is in a place; each ends when that one is cancelled, at the latest in the end. */
static void follow(void *arg)
{
	struct party *p = arg;
	int fds[2], r;

	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	while (!at_load(&ended, ACQUIRE)) {
		weft_context_t *ctx = take(below(&p->random, PLACES));
		r = wait_long(ctx, &p->random, fds);
		CHECK(r == -ECANCELED || r == -ETIMEDOUT);
		CHECK_EQ(r, weft_context_err(ctx));
		at_add(&waits, 1, RELAXED);
		weft_context_release(ctx);
	}
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	struct party parties[PARTIES], followers[PARTIES];
	weft_waitgroup_t following = WEFT_WAITGROUP_INIT;
	uint32_t seed = test_seed();

	budget = test_ops(200000);
	test_begin();
	nobody = WEFT_CHAN_CREATE(int, 0);
	CHECK(nobody != NULL);
	for (unsigned i = 0; i < PLACES; i++)
		CHECK((places[i] = weft_context_create(NULL)) != NULL);
	for (unsigned i = 0; i < PARTIES; i++) {
		parties[i].random = random_stream(seed, i);
		followers[i].random = random_stream(seed, 1000 + i);
		if (i < THREADS)
			thread_start(&parties[i].thread, take_part, &parties[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, take_part, &parties[i]), 0);
		if (i < THREADS)
			thread_start(&followers[i].thread, follow, &followers[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&following, follow, &followers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		thread_join(&parties[i].thread);
	JOIN();
	at_store(&ended, true, RELEASE);
	for (unsigned i = 0; i < PLACES; i++)
		weft_context_cancel(places[i]);
	for (unsigned i = 0; i < THREADS; i++)
		thread_join(&followers[i].thread);
	CHECK_EQ(weft_waitgroup_wait(&following), 0);
	for (unsigned i = 0; i < PLACES; i++)
		weft_context_destroy(places[i]);
	/* Functions that were on their way. */
	test_end();
	CHECK_EQ(ran + halted, set);
	fprintf(stderr, "%llu waits, %llu functions of which %llu were stopped\n", (unsigned long long)waits,
		(unsigned long long)set, (unsigned long long)halted);
	WEFT_CHAN_DESTROY(nobody);
	return 0;
}

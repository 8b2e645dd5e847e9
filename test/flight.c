/* weft-test: label=valgrind */
/*
 * Singleflight: callers with one key share one call, others do not; who gives up disturbs nobody; forget; and
 * what misuse says.
 */
#include "test.h"

#include "sync/flight.h"

#include "crowd.h"

enum { FOLLOWERS = 20 };

static weft_flight_t flight;
static weft_waitgroup_t gate, other_gate;
static unsigned runs, returned; /* atomic */
static int made;                /* plain: each return happens after it was written */

/* How many wait for calls under way, the forgotten ones left aside. */
static unsigned following(weft_flight_t *f)
{
	unsigned n = 0;

	lock_acquire(&f->weft__lock);
	for (struct weft__call *c = f->weft__calls; c != NULL; c = c->next) {
		struct weft__waiter *first = waitq_first(c->followers), *w = first;
		while (w != NULL) {
			n++;
			w = w->next != first ? w->next : NULL;
		}
	}
	lock_release(&f->weft__lock);
	return n;
}

static void reset(void)
{
	runs = returned = 0;
	made = 0;
}

/* ---- alone ---- */

static int answers(void *arg, void **result)
{
	at_add(&runs, 1, RELAXED);
	CHECK(*result == NULL);
	if (arg != NULL)
		*result = arg;
	return 17;
}

static void alone(void *arg)
{
	weft_context_t *over = weft_context_create(NULL);
	weft_flight_t zeroed;
	void *result = &zeroed;
	char large[300];
	int shared = -1;

	(void)arg;
	CHECK(over != NULL);
	weft_context_cancel(over);
	memset(&zeroed, 0, sizeof zeroed);
	memset(large, 'x', sizeof large);
	reset();
	CHECK_EQ(weft_flight_do(&zeroed, "a", 1, answers, &made, &result, &shared), 17);
	CHECK(result == &made);
	CHECK_EQ(shared, 0);
	/* Anew, and what is not asked for is not written. */
	CHECK_EQ(weft_flight_do(&zeroed, "a", 1, answers, NULL, &result, NULL), 17);
	CHECK(result == NULL);
	CHECK_EQ(weft_flight_do(&zeroed, NULL, 0, answers, &made, NULL, &shared), 17);
	/* The limit does not bound the function. */
	CHECK_EQ(weft_flight_do_until(&zeroed, large, sizeof large, answers, &made, &result, NULL, 0), 17);
	CHECK(result == &made);
	CHECK_EQ(weft_flight_do_ctx(&zeroed, "a", 2, answers, NULL, &result, &shared, NULL), 17);
	CHECK(result == NULL);
	CHECK_EQ(weft_flight_do_ctx(&zeroed, "a", 2, answers, &made, &result, NULL, over), -ECANCELED);
	CHECK_EQ(runs, 5);
	CHECK_EQ(weft_flight_do(&zeroed, large, SIZE_MAX, answers, NULL, NULL, NULL), -ENOMEM);
	weft_flight_forget(&zeroed, "a", 1);
	CHECK(zeroed.weft__calls == NULL);
	weft_context_destroy(over);
}

/* ---- together ---- */

static int waits_at_gate(void *arg, void **result)
{
	at_add(&runs, 1, RELAXED);
	CHECK_EQ(weft_waitgroup_wait(arg), 0);
	made = 42;
	*result = &made;
	return -EIO;
}

static int never(void *arg, void **result)
{
	(void)arg;
	(void)result;
	test_fail("ran although another did\n");
}

/* Also spoils the caller's key: it was copied. */
static int spoils_key(void *arg, void **result)
{
	memset(arg, 'x', 3);
	return waits_at_gate(&gate, result);
}

static void leads(void *arg)
{
	char key[3] = "key";
	void *result = NULL;
	int shared = -1;

	CHECK_EQ(weft_flight_do(&flight, key, 3, spoils_key, key, &result, &shared), -EIO);
	CHECK(result == &made);
	CHECK_EQ(made, 42);
	CHECK_EQ(shared, *(int *)arg);
	at_add(&returned, 1, RELAXED);
}

static void follows(void *arg)
{
	void *result = NULL;
	char key[3] = "key";
	int shared = -1;

	CHECK_EQ(weft_flight_do_until(
			 &flight, key, 3, never, NULL, &result, &shared, weft_deadline_in(WEFT_S(1000))),
		-EIO);
	CHECK(result == &made);
	CHECK_EQ(made, 42);
	CHECK_EQ(shared, *(int *)arg);
	at_add(&returned, 1, RELAXED);
}

static void follows_without_results(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_flight_do_ctx(&flight, "key", 3, never, NULL, NULL, NULL, NULL), -EIO);
	CHECK_EQ(made, 42);
	at_add(&returned, 1, RELAXED);
}

static weft_context_t *ctx;

static void gives_up(void *arg)
{
	void *result = &gate;
	int shared = -1, err;

	if (arg == NULL)
		err = weft_flight_do_until(
			&flight, "key", 3, never, NULL, &result, &shared, weft_deadline_in(WEFT_MS(1)));
	else
		err = weft_flight_do_ctx(&flight, "key", 3, never, NULL, &result, &shared, ctx);
	CHECK_EQ(err, arg == NULL ? -ETIMEDOUT : -ECANCELED);
	CHECK(result == &gate);
	CHECK_EQ(shared, -1);
}

static void together(bool thread_leads)
{
	struct crowd crowd = { .nthreads = 0 }, impatient = { .nthreads = 0 };
	int shared = FOLLOWERS;

	reset();
	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	weft_waitgroup_add(&gate, 1);
	crowd_add(&crowd, thread_leads ? 3 : 0, leads, &shared);
	WAIT_FOR(at_load(&runs, RELAXED) == 1);
	CHECK_EQ(weft_flight_do_until(&flight, "key", 3, never, NULL, NULL, NULL, 0), -ETIMEDOUT);
	for (unsigned i = 0; i < FOLLOWERS; i++) {
		crowd_add(&crowd, i, i % 3 == 0 ? follows_without_results : follows, &shared);
		if (i % 4 == 0)
			crowd_add(&impatient, i / 4, gives_up, ctx);
		if (i % 4 == 2)
			crowd_add(&impatient, i / 4, gives_up, NULL);
	}
	WAIT_FOR(following(&flight) >= FOLLOWERS + FOLLOWERS / 4);
	weft_context_cancel(ctx);
	/* Who comes later is cancelled at once. */
	gives_up(ctx);
	crowd_join(&impatient);
	WAIT_FOR(following(&flight) == FOLLOWERS);
	CHECK_EQ(at_load(&returned, RELAXED), 0);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	CHECK_EQ(runs, 1);
	CHECK_EQ(returned, FOLLOWERS + 1);
	CHECK(flight.weft__calls == NULL);
	weft_context_destroy(ctx);
}

/* ---- keys ---- */

struct keyed {
	char key[200];
	size_t size;
	unsigned *meeting; /* atomic: all that run at the same time */
	unsigned n;
};

/* Returns when all others run too: calls with different keys do not wait for each other. */
static int meets(void *arg, void **result)
{
	struct keyed *k = arg;

	at_add(k->meeting, 1, RELAXED);
	while (at_load(k->meeting, RELAXED) < k->n)
		weft_yield();
	memset(k->key, 0, sizeof k->key); /* it was copied */
	*result = k;
	return 0;
}

static void flies(void *arg)
{
	struct keyed *k = arg;
	void *result;
	int shared;

	CHECK_EQ(weft_flight_do(&flight, k->key, k->size, meets, k, &result, &shared), 0);
	CHECK(result == k);
	CHECK_EQ(shared, 0);
}

static void keys(void)
{
	static struct keyed all[7];
	struct crowd crowd = { .nthreads = 0 };
	unsigned meeting = 0;

	for (unsigned i = 0; i < 7; i++) {
		memset(all[i].key, 'k', sizeof all[i].key);
		all[i].meeting = &meeting;
		all[i].n = 7;
	}
	all[0].size = 0;
	all[1].size = 1;
	all[2].size = 2;
	all[3].size = 2;
	all[3].key[1] = '\0';
	all[4].size = 64;
	all[5].size = 200;
	all[6].size = 200;
	all[6].key[199] = 'l';
	for (unsigned i = 0; i < 7; i++)
		crowd_add(&crowd, i, flies, &all[i]);
	crowd_join(&crowd);
	CHECK(flight.weft__calls == NULL);
}

/* ---- forget ---- */

static int answers_late(void *arg, void **result)
{
	*result = arg;
	at_add(&runs, 1, RELAXED);
	CHECK_EQ(weft_waitgroup_wait(arg), 0);
	return 0;
}

static void goes_through(void *arg)
{
	void *result;
	int shared;

	CHECK_EQ(weft_flight_do(&flight, "key", 3, answers_late, arg, &result, &shared), 0);
	CHECK(result == arg);
	CHECK_EQ(shared, 1);
}

static void follows_one(void *arg)
{
	void *result;
	int shared;

	CHECK_EQ(weft_flight_do(&flight, "key", 3, never, NULL, &result, &shared), 0);
	CHECK(result == arg);
	CHECK_EQ(shared, 1);
}

/* Two calls with one key under way, each with one who waits for it; the newer or the older ends first. */
static void forgets(bool newer_first)
{
	struct crowd old = { .nthreads = 0 }, new = { .nthreads = 0 };

	reset();
	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&other_gate, 1);
	crowd_add_task(&old, goes_through, &gate);
	WAIT_FOR(at_load(&runs, RELAXED) == 1);
	crowd_add_thread(&old, follows_one, &gate);
	WAIT_FOR(following(&flight) == 1);
	weft_flight_forget(&flight, "ke", 2);
	CHECK_EQ(following(&flight), 1);
	weft_flight_forget(&flight, "key", 3);
	weft_flight_forget(&flight, "key", 3);
	CHECK_EQ(following(&flight), 0);
	crowd_add_thread(&new, goes_through, &other_gate);
	WAIT_FOR(at_load(&runs, RELAXED) == 2);
	crowd_add_task(&new, follows_one, &other_gate);
	WAIT_FOR(following(&flight) == 1);
	weft_waitgroup_done(newer_first ? &other_gate : &gate);
	crowd_join(newer_first ? &new : &old);
	/* The end of the old one does not take the new one off. */
	CHECK_EQ(following(&flight), newer_first ? 0 : 1);
	weft_waitgroup_done(newer_first ? &gate : &other_gate);
	crowd_join(newer_first ? &old : &new);
	CHECK_EQ(runs, 2);
	CHECK(flight.weft__calls == NULL);
}

/* ---- one in another ---- */

static int nests(void *arg, void **result)
{
	return weft_flight_do(&flight, arg, 1, answers, arg, result, NULL);
}

static int forgets_itself(void *arg, void **result)
{
	weft_flight_forget(&flight, arg, 1);
	return weft_flight_do(&flight, arg, 1, answers, arg, result, NULL);
}

static void nesting(void *arg)
{
	static char inner[] = "i", own[] = "o";
	void *result;

	(void)arg;
	reset();
	CHECK_EQ(weft_flight_do(&flight, "o", 1, nests, inner, &result, NULL), 17);
	CHECK(result == inner);
	CHECK_EQ(weft_flight_do(&flight, "o", 1, forgets_itself, own, &result, NULL), 17);
	CHECK(result == own);
	CHECK_EQ(runs, 2);
}

/* ---- misuse ---- */

static void recursion(void *arg)
{
	NOTE("flight %p", (void *)&flight);
	(void)weft_flight_do(&flight, arg, 1, nests, arg, NULL, NULL);
}

static void recursion_on_thread(void)
{
	static char key[] = "k";

	recursion(key);
}

static void recursion_in_task(void)
{
	static char key[] = "k";

	weft_run(recursion, key);
}

int main(void)
{
	MUST_PANIC(recursion_on_thread, "called by the function that runs for the same key");
	MUST_PANIC(recursion_in_task, "called by the function that runs for the same key");
	alone(NULL);
	nesting(NULL);
	test_begin();
	CHECK_EQ(weft_run(alone, NULL), 0);
	CHECK_EQ(weft_run(nesting, NULL), 0);
	for (unsigned i = 0; i < test_scaled(20); i++) {
		together(false);
		together(true);
		keys();
		forgets(false);
		forgets(true);
	}
	test_end();
	return 0;
}

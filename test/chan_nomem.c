/*
 * Memory runs out under channels, select and contexts: for n = 0, 1, 2 ... the n-th allocation and all later
 * ones fail, until the whole scenario succeeds. Each call then answers NULL or an error and has done nothing;
 * what needs no memory works without.
 */
#include "test.h"

#include "chan_help.h"

#include "base/alloc.h"
#include "chan/chan.h"

#if defined(WEFT_DEBUG) && WEFT_DEBUG

enum { MANY = 100 };

static unsigned failures;
static int64_t allowed;
static weft_waitgroup_t wg;

/* True, or one more clean failure. */
static bool ok(int r)
{
	if (r >= 0)
		return true;
	CHECK(r == -ENOMEM || r == -EAGAIN);
	at_add(&failures, 1, RELAXED);
	return false;
}

static void *there(void *object)
{
	if (object == NULL)
		at_add(&failures, 1, RELAXED);
	return object;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void begin(void)
{
	CHECK_EQ(weft_run(nothing, NULL), 0);
	weft__alloc_fail_after(allowed);
}

static void end(void)
{
	weft__alloc_fail_after(-1);
	NOTE("%u", failures);
}

/* ---- channels ---- */

static void create_scenario(void)
{
	weft_chan_options_t options = { .size = sizeof options, .name = "name" };
	weft_chan_t *channels[6];
	size_t n = 0;

	begin();
	channels[n++] = there(weft_chan_create(0, 0));
	channels[n++] = there(weft_chan_create(8, 0));
	channels[n++] = there(weft_chan_create(0, 10));
	channels[n++] = there(weft_chan_create(8, 10));
	channels[n++] = there(weft_chan_create(1000, 1000));
	channels[n++] = there(weft_chan_create_with(&options, 3, 5));
	for (size_t i = 0; i < n; i++) {
		char elem[1000] = { 1 };
		if (channels[i] != NULL && weft_chan_cap(channels[i]) > 0) {
			CHECK_EQ(weft_chan_send(channels[i], elem), 0);
			CHECK_EQ(weft_chan_recv(channels[i], elem), 1);
		}
		weft_chan_destroy(channels[i]);
	}
	end();
}

/* What a party does that runs out of memory, or waits on `ch` until it is sent something. */
struct party {
	weft_chan_t *ch, *full;
	bool ended; /* atomic */
};

/* The event "it waits there, or did not come so far". */
static void send_to(struct party *p, int value)
{
	WAIT_FOR(at_load(&p->ch->receivers, ACQUIRE) != NULL || at_load(&p->ended, ACQUIRE));
	weft__alloc_fail_after(-1);
	if (!at_load(&p->ended, ACQUIRE))
		CHECK_EQ(weft_chan_send(p->ch, &value), 0);
}

static struct party new_party(void)
{
	struct party p = { weft_chan_create(sizeof(int), 0), weft_chan_create(sizeof(int), 1), false };
	int v = 8;

	CHECK(p.ch != NULL && p.full != NULL);
	CHECK_EQ(weft_run(nothing, NULL), 0);
	CHECK_EQ(weft_chan_send(p.full, &v), 0);
	return p;
}

/* What failed was not sent. */
static void end_party(struct party *p)
{
	int v = -1;

	CHECK_EQ(weft_chan_recv(p->full, &v), 1);
	CHECK_EQ(v, 8);
	CHECK_EQ(weft_chan_try_recv(p->full, &v), -EAGAIN);
	weft_chan_destroy(p->full);
	weft_chan_destroy(p->ch);
	end();
}

/* A thread that weft does not know must be made known before it waits, and only then. */
static void stranger(void *arg)
{
	struct party *p = arg;
	weft_chan_t *room = weft_chan_create(sizeof(int), 1);
	int v = 3, r;

	CHECK(room != NULL);
	weft__alloc_fail_after(allowed);
	CHECK_EQ(weft_chan_try_send(p->full, &v), -EAGAIN);
	CHECK_EQ(weft_chan_send(room, &v), 0);
	CHECK_EQ(weft_chan_recv(room, &v), 1);
	CHECK_EQ(weft_chan_try_recv(room, &v), -EAGAIN);
	r = weft_chan_send_until(p->full, &v, weft_deadline_in(WEFT_US(10)));
	if (r != -ETIMEDOUT)
		CHECK(!ok(r));
	if (ok(weft_chan_recv(p->ch, &v)))
		CHECK_EQ(v, 77);
	else
		CHECK_EQ(v, 3);
	at_store(&p->ended, true, RELEASE);
	weft_chan_destroy(room);
}

static void stranger_scenario(void)
{
	struct party p = new_party();
	struct test_thread thread;

	thread_start(&thread, stranger, &p);
	send_to(&p, 77);
	thread_join(&thread);
	end_party(&p);
}

/* ---- select ---- */

static void selects(void *arg)
{
	struct party *p = arg;
	weft_chan_t *channels[MANY];
	weft_case_t cases[MANY + 1];
	int values[MANY + 1], r, v = 4;

	for (int i = 0; i < MANY; i++) {
		CHECK((channels[i] = weft_chan_create(sizeof(int), 1)) != NULL);
		values[i] = 1000 + i;
		cases[i] = weft_case_on(WEFT_OP_RECV, channels[i], &values[i], 0, 0);
	}
	values[MANY] = 5;
	cases[MANY] = weft_case_on(WEFT_OP_RECV, p->ch, &values[MANY], 0, 0);
	weft__alloc_fail_after(allowed);
	/* One that is ready needs no memory, nor do a few that have to wait. */
	CHECK_EQ(weft_chan_send(channels[30], &v), 0);
	CHECK_EQ(weft_select(cases, MANY), 30);
	CHECK_EQ(cases[30].result, 1);
	CHECK_EQ(values[30], 4);
	values[30] = 1030;
	CHECK_EQ(weft_select_try(cases, MANY), -EAGAIN);
	CHECK_EQ(weft_select_until(cases, 16, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	r = weft_select(cases, MANY + 1);
	if (ok(r)) {
		CHECK_EQ(r, MANY);
		CHECK_EQ(values[MANY], 77);
	} else {
		CHECK_EQ(values[MANY], 5);
	}
	at_store(&p->ended, true, RELEASE);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(values[i], 1000 + i);
		weft_chan_destroy(channels[i]);
	}
	weft_waitgroup_done(&wg);
}

static void select_scenario(void)
{
	struct party p = new_party();

	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(weft_go(selects, &p), 0);
	send_to(&p, 77);
	JOIN();
	end_party(&p);
}

static void on_known_thread(void *arg)
{
	CHECK_EQ(weft_run(nothing, NULL), 0);
	selects(arg);
}

static void select_thread_scenario(void)
{
	struct party p = new_party();
	struct test_thread thread;

	weft_waitgroup_add(&wg, 1);
	thread_start(&thread, on_known_thread, &p);
	send_to(&p, 77);
	JOIN();
	thread_join(&thread);
	end_party(&p);
}

/* ---- contexts ---- */

static unsigned called;

static void on_cancel(void *arg)
{
	at_add(&called, 1, RELAXED);
	(void)arg;
}

static void *memory_returns(void *arg)
{
	(void)arg;
	test_pause_ms(10);
	weft__alloc_fail_after(-1);
	return NULL;
}

/* The task of an after function may have to wait for memory; it runs all the same. */
static void context_scenario(void)
{
	static char key;
	weft_context_t *root = weft_context_create(NULL), *children[5];
	weft_after_t after;
	pthread_t thread;
	bool set;

	CHECK(root != NULL);
	begin();
	children[0] = there(weft_context_create(root));
	children[1] = there(weft_context_create_until(root, weft_deadline_in(WEFT_S(1000))));
	children[2] = there(weft_context_create_timeout(root, WEFT_S(1000)));
	children[3] = there(weft_context_create_value(root, &key, &key));
	children[4] = there(weft_context_create_detached(root));
	set = ok(weft_context_after(root, &after, on_cancel, NULL));
	CHECK_EQ(weft_context_wait_until(root, 0), -ETIMEDOUT);
	weft_context_cancel(root);
	CHECK_EQ(weft_context_wait(root), 0);
	for (int i = 0; i < 5; i++)
		if (children[i] != NULL)
			CHECK_EQ(weft_context_err(children[i]), i == 4 ? 0 : -ECANCELED);
	CHECK_EQ(pthread_create(&thread, NULL, memory_returns, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	if (set)
		WAIT_FOR(at_load(&called, RELAXED) == 1);
	WAIT_FOR(test_stats().tasks_alive == 0);
	CHECK_EQ(at_load(&called, RELAXED), set);
	end();
	for (int i = 0; i < 5; i++)
		weft_context_destroy(children[i]);
	weft_context_destroy(root);
	JOIN();
}

static void every_allocation(const char *name, void (*scenario)(void))
{
	for (allowed = 0;; allowed++) {
		struct test_child *c = test_run_child(scenario);
		if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != 0)
			fprintf(stderr, "%s with %lld allocations:\n", name, (long long)allowed);
		CHILD_ENDS(c, 0);
		CHECK(c->note[0] != '\0');
		if (strcmp(c->note, "0") == 0)
			break;
		CHECK(allowed < 1000);
	}
	fprintf(stderr, "%s: %lld allocations\n", name, (long long)allowed);
	CHECK(allowed > 0);
}

int main(void)
{
	test_env("WEFT_PROCS", "2");
	every_allocation("create", create_scenario);
	every_allocation("stranger", stranger_scenario);
	every_allocation("select", select_scenario);
	every_allocation("select on a thread", select_thread_scenario);
	every_allocation("context", context_scenario);
	return 0;
}

#else

int main(void)
{
	SKIP("allocations can be made to fail in builds with WEFT_DEBUG only");
}

#endif

/*
 * The probes: whoever parks is told of once, and once when it is let go, whatever lets it go; and each task
 * begins and ends once.
 */
#include "test.h"

#include "base/probe.h"

enum { TASKS = 50 };

static unsigned spawned, ended, parked, readied; /* atomic */

static void on_spawn(struct weft__task *task)
{
	(void)task;
	at_add(&spawned, 1, RELAXED);
}

static void on_end(struct weft__task *task)
{
	(void)task;
	at_add(&ended, 1, RELAXED);
}

static void on_park(struct weft__task *task, const char *reason)
{
	(void)task;
	CHECK(reason != NULL);
	at_add(&parked, 1, RELAXED);
}

static void on_ready(struct weft__task *task)
{
	(void)task;
	at_add(&readied, 1, RELAXED);
}

static const struct weft__probes probes = { on_spawn, on_end, on_park, on_ready };

static weft_waitgroup_t all, gate;
static weft_context_t *ctx;
static weft_mutex_t mutex;
static weft_cond_t cond;
static bool opened; /* under mutex */
static int fds[2];
WEFT_CHAN(int) ch;

static void sleeps(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_sleep(WEFT_MS(1)), 0);
}

static void waits_at_gate(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_wait(&gate), 0);
}

static void waits_for_cancel(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_context_wait(ctx), 0);
}

static void waits_for_condition(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	while (!opened)
		CHECK_EQ(weft_cond_wait(&cond, &mutex), 0);
	weft_mutex_unlock(&mutex);
}

static void waits_for_descriptor(void *arg)
{
	(void)arg;
	CHECK(weft_fd_wait(fds[0], WEFT_READABLE, weft_deadline_in(WEFT_S(100))) > 0);
}

static void sends(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		WEFT_SEND(ch, i);
}

static void receives(void *arg)
{
	int v;

	(void)arg;
	for (int i = 0; i < 10; i++)
		WEFT_RECV(ch, &v);
	for (int i = 0; i < 10; i++) {
		weft_case_t cases[2] = { WEFT_ON_RECV(ch, &v), WEFT_ON_DONE(ctx) };
		CHECK(weft_select(cases, 2) >= 0);
	}
}

static void start(weft_fn_t *fn)
{
	for (int i = 0; i < TASKS; i++)
		CHECK_EQ(weft_waitgroup_go(&all, fn, NULL), 0);
}

int main(void)
{
	weft__probes = &probes;
	test_begin();
	ctx = weft_context_create(NULL);
	ch = WEFT_CHAN_CREATE(int, 0);
	CHECK(ctx != NULL && ch != NULL && pipe(fds) == 0);
	weft_waitgroup_add(&gate, 1);
	start(sleeps);
	start(waits_at_gate);
	start(waits_for_cancel);
	start(waits_for_condition);
	start(waits_for_descriptor);
	/*
	 * Those that sleep have ended, and nothing lets the others go. Some may have waited for the mutex
	 * before.
	 */
	WAIT_FOR(at_load(&ended, RELAXED) == TASKS &&
		 at_load(&parked, RELAXED) == at_load(&readied, RELAXED) + 4 * TASKS);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	weft_waitgroup_done(&gate);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	opened = true;
	weft_mutex_unlock(&mutex);
	weft_cond_broadcast(&cond);
	start(sends);
	start(receives);
	WAIT_FOR(at_load(&ended, RELAXED) == 6 * TASKS);
	weft_context_cancel(ctx);
	weft_waitgroup_wait(&all);
	close(fds[0]);
	close(fds[1]);
	WAIT_FOR(test_stats().tasks_alive == 0);
	CHECK_EQ(spawned, 7 * TASKS);
	CHECK_EQ(ended, 7 * TASKS);
	CHECK(parked >= 4 * TASKS);
	CHECK_EQ(parked, readied);
	WEFT_CHAN_DESTROY(ch);
	weft_context_destroy(ctx);
	return 0;
}

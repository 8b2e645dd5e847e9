/*
 * Memory runs out at every allocation in turn: for n = 0, 1, 2 ... the n-th and all later ones fail,
 * until the whole scenario succeeds. Each call then answers 0 or -ENOMEM or -EAGAIN; what was started
 * runs once there is memory again; nothing crashes or hangs.
 */
#include "test.h"

#include <sys/socket.h>

#include "base/alloc.h"

#if defined(WEFT_DEBUG) && WEFT_DEBUG

struct big {
	char bytes[500];
};

static weft_waitgroup_t wg;
static unsigned failures;
static int64_t allowed;

/* 0, or one more clean failure. */
static bool ok(int r)
{
	if (r == 0)
		return true;
	CHECK(r == -ENOMEM || r == -EAGAIN);
	at_add(&failures, 1, RELAXED);
	return false;
}

static void simple(void *arg)
{
	(*(unsigned *)arg)++;
}

/* Nobody waits for it. */
static void alone(void *arg)
{
	at_store((unsigned *)arg, 1, RELEASE);
}

static void parks(void *arg)
{
	weft_yield();
	weft_sleep(WEFT_US(10));
	(*(unsigned *)arg)++;
}

WEFT_TASK(with_big, struct big, big, unsigned *, ran)
{
	CHECK_EQ(big.bytes[499], 7);
	(*ran)++;
	weft_waitgroup_done(&wg);
}

static weft_local_key_t key;

static void with_local(void *arg)
{
	if (ok(weft_local_set(key, arg)))
		CHECK(weft_local_get(key) == arg);
	else
		CHECK(weft_local_get(key) == NULL);
	(*(unsigned *)arg)++;
}

static void with_descriptor(void *arg)
{
	int fds[2], r;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(write(fds[1], "x", 1) == 1);
	r = weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER);
	if (r != WEFT_READABLE)
		ok(r);
	close(fds[0]);
	close(fds[1]);
	(*(unsigned *)arg)++;
}

static void with_run(void *arg)
{
	unsigned ran = 0;

	if (ok(weft_run(simple, &ran)))
		CHECK_EQ(ran, 1);
	else
		CHECK_EQ(ran, 0);
	(*(unsigned *)arg)++;
}

static unsigned asked; /* atomic: the thread has made its first calls, which never wait */

static void *on_thread(void *arg)
{
	unsigned started = 0, ran = 0, ran_too = 0;
	weft_chan_t *ch;
	int r;

	/* What the others need may lie about, left by a thread that ended; a channel never does. */
	ch = weft_chan_create(sizeof(int), 1);
	if (ok(ch != NULL ? 0 : -ENOMEM))
		weft_chan_destroy(ch);
	if (ok(weft_waitgroup_go(&wg, simple, &ran)))
		started = at_add((unsigned *)arg, 1, RELAXED) != 0;
	at_store(&asked, 1, RELEASE);
	r = weft_run(simple, &ran_too);
	CHECK_EQ(ran_too, ok(r));
	while (!ok(weft_waitgroup_wait(&wg)))
		test_pause_ms(1);
	CHECK_EQ(ran, started);
	return NULL;
}

/* Memory comes back: tasks that were started may have waited for it. */
static void memory_returns(void *arg)
{
	(void)arg;
	weft__alloc_fail_after(-1);
}

static void *give_memory_back(void *arg)
{
	test_pause_ms(20);
	memory_returns(arg);
	return NULL;
}

/* The same, but not before the thread has seen that there is none. */
static void *give_memory_back_after_ask(void *arg)
{
	WAIT_FOR(at_load(&asked, ACQUIRE) != 0);
	return give_memory_back(arg);
}

struct counted {
	weft_timer_t timer;
	unsigned ran;
};

static void on_timer(void *arg)
{
	((struct counted *)arg)->ran++;
	weft_waitgroup_done(&wg);
}

static void start_scenario(void)
{
	static weft_fn_t *const kinds[] = { simple, parks, with_local, with_descriptor, with_run };
	enum { EACH = 3 };
	static unsigned ran[5 * EACH];
	unsigned started[5 * EACH] = { 0 }, big_ran = 0, big_started = 0;
	weft_go_options_t large = { .size = sizeof large, .stack_size = 1 << 20 };
	struct counted timed = { .ran = 0 };
	static unsigned large_ran; /* atomic */
	bool timer_armed, large_started;
	pthread_t thread;
	struct big big;

	memset(&big, 7, sizeof big);
	weft__alloc_fail_after(allowed);
	CHECK_EQ(weft_local_create(&key, NULL), 0);
	for (unsigned i = 0; i < ARRAY_LEN(ran); i++)
		started[i] = ok(weft_waitgroup_go(&wg, kinds[i / EACH], &ran[i]));
	weft_waitgroup_add(&wg, 1);
	if (ok(WEFT_GO(with_big, big, &big_ran)))
		big_started = 1;
	else
		weft_waitgroup_done(&wg);
	weft_waitgroup_add(&wg, 1);
	timer_armed = ok(weft_timer_after(&timed.timer, WEFT_US(100), on_timer, &timed));
	if (!timer_armed)
		weft_waitgroup_done(&wg);
	large_started = ok(weft_go_with(&large, alone, &large_ran));

	/* What could be started does its work, or waits until there is memory. */
	CHECK_EQ(pthread_create(&thread, NULL, give_memory_back, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	ok(weft_waitgroup_wait(&wg));
	for (unsigned i = 0; i < ARRAY_LEN(ran); i++)
		CHECK_EQ(ran[i], started[i]);
	CHECK_EQ(big_ran, big_started);
	CHECK_EQ(timed.ran, timer_armed);
	WAIT_FOR(test_stats().tasks_alive == 0);
	CHECK_EQ(at_load(&large_ran, ACQUIRE), large_started);
	NOTE("%u", failures);
}

/* The runtime runs; a thread that it does not know comes to it. */
static void thread_scenario(void)
{
	unsigned ran = 0;
	pthread_t thread, giver;

	CHECK_EQ(weft_run(simple, &ran), 0);
	weft__alloc_fail_after(allowed);
	CHECK_EQ(pthread_create(&thread, NULL, on_thread, &ran), 0);
	CHECK_EQ(pthread_create(&giver, NULL, give_memory_back_after_ask, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(pthread_join(giver, NULL), 0);
	NOTE("%u", failures);
}

/* All memory fails and stays away: each call must say so, or the child's alarm rings. */
static void hopeless_scenario(void)
{
	unsigned ran = 0;
	int r;

	weft__alloc_fail_after(0);
	CHECK(!ok(weft_go(simple, &ran)));
	CHECK(!ok(weft_run(simple, &ran)));
	CHECK(!ok(weft_waitgroup_go(&wg, simple, &ran)));
	CHECK_EQ(weft_procs(), 0);
	weft_timer_t timer = WEFT_TIMER_INIT;
	CHECK(!ok(weft_timer_after(&timer, 0, simple, &ran)));
	CHECK_EQ(weft_timer_stop(&timer), 0);
	/* The group is as before the failed start. */
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
	r = weft_fd_wait(STDERR_FILENO, WEFT_WRITABLE, 0);
	CHECK(r == WEFT_WRITABLE || r == -ENOMEM);
	CHECK_EQ(ran, 0);
	/* And then it comes. */
	weft__alloc_fail_after(-1);
	CHECK_EQ(weft_run(simple, &ran), 0);
	CHECK_EQ(ran, 1);
}

static void every_allocation(void (*scenario)(void))
{
	for (allowed = 0;; allowed++) {
		struct test_child *c = test_run_child(scenario);
		if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != 0)
			fprintf(stderr, "with %lld allocations:\n", (long long)allowed);
		CHILD_ENDS(c, 0);
		CHECK(c->note[0] != '\0');
		if (strcmp(c->note, "0") == 0)
			break;
		CHECK(allowed < 10000);
	}
	fprintf(stderr, "%lld allocations\n", (long long)allowed);
	CHECK(allowed > 0);
}

int main(void)
{
	test_env("WEFT_PROCS", "2");
	CHILD_ENDS(test_run_child(hopeless_scenario), 0);
	every_allocation(start_scenario);
	every_allocation(thread_scenario);
	return 0;
}

#else

int main(void)
{
	SKIP("allocations can be made to fail in builds with WEFT_DEBUG only");
}

#endif

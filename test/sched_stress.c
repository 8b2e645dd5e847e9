/* weft-test: timeout=300 */
/*
 * A random mix of all that a task or a thread can do: spawn, yield, sleep, block outside, burn, wait
 * for groups and descriptors with and without deadlines, timers, pins. What goes in must come out.
 * WEFT_TEST_SEED repeats a mix (not its schedule); WEFT_TEST_OPS scales it.
 */
#include "random.h"

#include <sys/socket.h>

enum { PTHREADS = 3 };

static uint32_t seed;
static weft_waitgroup_t all;
static int64_t budget;                  /* atomic: operations that may still be started */
static uint64_t spawned, ended, ops;    /* atomic */
static uint64_t fired, stopped, timers; /* atomic */

static void worker(uint32_t state, unsigned depth);

WEFT_TASK(stress_task, uint32_t, state, unsigned, depth)
{
	worker(state, depth);
	at_add(&ended, 1, RELAXED);
	weft_waitgroup_done(&all);
}

static void spawn(uint32_t *state, unsigned depth)
{
	at_add(&spawned, 1, RELAXED);
	weft_waitgroup_add(&all, 1);
	CHECK_EQ(WEFT_GO(stress_task, random_next(state) | 1, depth + 1), 0);
}

struct helper {
	weft_waitgroup_t wg;
	int fd;
	int64_t delay;
};

static void help(void *arg)
{
	struct helper *h = arg;

	if (h->delay > 0)
		weft_sleep(h->delay);
	else
		weft_yield();
	if (h->fd >= 0)
		CHECK(write(h->fd, "x", 1) == 1);
	weft_waitgroup_done(&h->wg);
}

/* A group with a deadline that may or may not pass before the helper is done. */
static void group_wait(uint32_t *state)
{
	struct helper *h = malloc(sizeof *h);
	int r;

	CHECK(h != NULL);
	*h = (struct helper){ .fd = -1, .delay = WEFT_US(below(state, 100)) };
	weft_waitgroup_add(&h->wg, 1);
	CHECK_EQ(weft_go(help, h), 0);
	r = weft_waitgroup_wait_until(&h->wg, weft_deadline_in(WEFT_US(below(state, 100))));
	CHECK(r == 0 || r == -ETIMEDOUT);
	if (r != 0)
		weft_waitgroup_wait(&h->wg);
	free(h);
}

static void descriptor_wait(uint32_t *state)
{
	struct helper h = { .delay = WEFT_US(below(state, 100)) };
	int fds[2], r;
	char byte;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	h.fd = fds[1];
	weft_waitgroup_add(&h.wg, 1);
	CHECK_EQ(weft_go(help, &h), 0);
	r = weft_fd_wait(fds[0], WEFT_READABLE, weft_deadline_in(WEFT_US(below(state, 100))));
	CHECK(r == WEFT_READABLE || r == -ETIMEDOUT);
	if (r != WEFT_READABLE)
		CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK(read(fds[0], &byte, 1) == 1);
	weft_waitgroup_wait(&h.wg);
	close(fds[0]);
	close(fds[1]);
}

struct timed {
	weft_timer_t timer;
	weft_waitgroup_t wg;
};

static void on_timer(void *arg)
{
	struct timed *t = arg;

	at_add(&fired, 1, RELAXED);
	weft_waitgroup_done(&t->wg);
}

static void timer(uint32_t *state)
{
	struct timed *t = calloc(1, sizeof *t);

	CHECK(t != NULL);
	weft_waitgroup_add(&t->wg, 1);
	at_add(&timers, 1, RELAXED);
	CHECK_EQ(weft_timer_after(&t->timer, WEFT_US(below(state, 60)), on_timer, t), 0);
	if (below(state, 2) == 0)
		weft_sleep(WEFT_US(below(state, 60)));
	if (weft_timer_stop(&t->timer) == 1) {
		at_add(&stopped, 1, RELAXED);
		weft_waitgroup_done(&t->wg);
	}
	weft_waitgroup_wait(&t->wg);
	free(t);
}

static void burn(uint32_t *state)
{
	weft_time_t until = weft_deadline_in(WEFT_US(below(state, 300)));

	while (weft_now() < until)
		;
}

static void pinned(uint32_t *state)
{
	weft_pin();
	for (uint32_t n = below(state, 4); n > 0; n--)
		weft_yield();
	weft_sleep(WEFT_US(below(state, 20)));
	weft_unpin();
}

static void worker(uint32_t state, unsigned depth)
{
	unsigned n = 4 + below(&state, 12);

	while (n-- > 0 && at_sub(&budget, 1, RELAXED) > 0) {
		at_add(&ops, 1, RELAXED);
		switch (below(&state, 12)) {
		case 0:
		case 1:
		case 2:
			for (uint32_t k = 1 + below(&state, 4); k > 0; k--)
				spawn(&state, depth);
			break;
		case 3:
		case 4:
			weft_yield();
			break;
		case 5:
			weft_sleep(WEFT_US(below(&state, 200)));
			break;
		case 6:
		case 7:
			group_wait(&state);
			break;
		case 8:
			descriptor_wait(&state);
			break;
		case 9:
			timer(&state);
			break;
		case 10:
			if (below(&state, 4) == 0)
				test_pause_ms(1); /* blocks the thread */
			else
				burn(&state);
			break;
		default:
			pinned(&state);
		}
	}
}

static void *thread_worker(void *arg)
{
	uint32_t state = *(uint32_t *)arg;

	/* Whatever the tasks leave is done here. */
	while (at_load(&budget, RELAXED) > 0) {
		worker(state, 0);
		random_next(&state);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[PTHREADS];
	uint32_t states[PTHREADS];

	budget = test_ops(40000);
	seed = test_seed();
	test_begin();
	for (int i = 0; i < PTHREADS; i++) {
		states[i] = (seed + (uint32_t)i * 2654435769u) | 1;
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_worker, &states[i]), 0);
	}
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	weft_waitgroup_wait(&all);
	CHECK_EQ(ended, spawned);
	CHECK_EQ(fired + stopped, timers);
	CHECK(ops > 0);
	test_end();
	return 0;
}

/*
 * The wheel against a model: random timers are armed, cancelled and fired over times from a microsecond
 * to centuries, and each time what fires must be what an unordered list says is due, by the tick, in
 * the order of ticks and of arming.
 *
 * The wheel is one of the test's own, run by hand; its timers wake waiters, made up here, whose tasks
 * are never run.
 */
#include "random.h"

#include "base/alloc.h"
#include "sched/sched.h"

enum { TIMERS = 300, TICK = 1024 };
#define LAST_TICK ((uint64_t)INT64_MAX / TICK)

struct node {
	struct weft__timer timer;
	struct weft__waiter waiter;
	struct weft__task task;
	bool armed;
	uint64_t tick;     /* when it must fire */
	uint64_t sequence; /* when it was armed */
};

static struct weft__proc *proc; /* for its wheel; never run */
static struct node *nodes;
static uint64_t sequence;
static uint64_t present; /* tick to which the wheel was run */
static uint32_t state;

static uint64_t random_wide(void)
{
	return (uint64_t)random_next(&state) << 32 | random_next(&state);
}

/* A duration of random magnitude. */
static int64_t random_span(unsigned max_bits)
{
	return (int64_t)(random_wide() >> (64 - 1 - random_next(&state) % max_bits));
}

static void arm(struct node *n, weft_time_t when)
{
	uint64_t tick = when <= 0 ? 0 : ((uint64_t)when + TICK - 1) / TICK;

	memset(&n->timer, 0, sizeof n->timer);
	n->waiter.task = &n->task;
	at_store(&n->waiter.state, WAIT_WAITING, RELAXED);
	n->timer.when = when;
	n->timer.waiter = &n->waiter;
	n->armed = true;
	n->tick = tick > present ? tick : present;
	n->sequence = ++sequence;
	weft__timer_arm(proc, &n->timer);
}

/* What is due next by the model. */
static struct node *next_due(void)
{
	struct node *best = NULL;

	for (int i = 0; i < TIMERS; i++) {
		struct node *n = &nodes[i];
		if (!n->armed || n->tick > present)
			continue;
		if (best == NULL || n->tick < best->tick ||
			(n->tick == best->tick && n->sequence < best->sequence))
			best = n;
	}
	return best;
}

static void run_to(weft_time_t now)
{
	struct weft__list ready = { NULL, NULL, 0 };
	weft_time_t promised = at_load(&proc->wheel.next, RELAXED);
	struct node *n;
	bool first = true;

	present = (uint64_t)now / TICK > present ? (uint64_t)now / TICK : present;
	weft__wheel_run(NULL, &proc->wheel, now, &ready);
	while ((n = next_due()) != NULL) {
		CHECK(ready.first != NULL);
		CHECK(ready.first == &n->task);
		/*
		 * `next` was not later than the first of them; the last tick of all time is told as its
		 * end.
		 */
		CHECK(!first || n->tick >= LAST_TICK || promised <= (weft_time_t)(n->tick * TICK));
		first = false;
		CHECK_EQ(n->waiter.state, WAIT_TIMED_OUT);
		CHECK(n->timer.wheel == NULL);
		CHECK(now >= n->timer.when);
		n->armed = false;
		ready.first = ready.first->link;
		ready.count--;
	}
	CHECK(ready.first == NULL);
	CHECK_EQ(ready.count, 0);
}

/* What the wheel says of the future: not later than the earliest, and not in the past. */
static void check_next(void)
{
	weft_time_t next = at_load(&proc->wheel.next, RELAXED);
	bool any = false;

	for (int i = 0; i < TIMERS; i++) {
		if (!nodes[i].armed)
			continue;
		any = true;
		CHECK(nodes[i].tick >= LAST_TICK || next <= (weft_time_t)(nodes[i].tick * TICK));
	}
	CHECK(any || next == WEFT_NEVER);
}

static void round_of(unsigned max_bits, weft_time_t now, unsigned steps)
{
	memset(&proc->wheel, 0, sizeof proc->wheel);
	weft__wheel_init(&proc->wheel, now);
	present = (uint64_t)now / TICK;
	for (unsigned i = 0; i < steps; i++) {
		struct node *n = &nodes[random_next(&state) % TIMERS];
		int64_t span = random_span(max_bits);
		weft_time_t when = span > WEFT_NEVER - 1 - now ? WEFT_NEVER - 1 : now + span;
		switch (random_next(&state) % 8) {
		case 0:
			now = random_next(&state) % 4 != 0 ? now + (when - now) / 8 : when;
			run_to(now);
			check_next();
			break;
		case 1:
			if (n->armed) {
				CHECK(weft__timer_cancel(&n->timer));
				n->armed = false;
			}
			CHECK(!weft__timer_cancel(&n->timer));
			break;
		case 2:
			/* To the very tick of a timer, and the one before it. */
			if (n->armed && n->tick > present + 1 && n->tick < LAST_TICK) {
				now = (weft_time_t)(n->tick * TICK) - 1;
				run_to(now);
				CHECK(n->armed);
				run_to(++now);
				CHECK(!n->armed);
			}
			break;
		case 3:
			if (!n->armed)
				arm(n, now - span % (now + 1));
			break;
		default:
			if (!n->armed)
				arm(n, when);
		}
	}
	for (int i = 0; i < TIMERS; i++)
		if (nodes[i].armed) {
			CHECK(weft__timer_cancel(&nodes[i].timer));
			nodes[i].armed = false;
		}
	check_next();
}

int main(void)
{
	unsigned steps = test_scaled(3000);

	state = test_seed();
	test_begin();
	proc = weft__alloc(sizeof *proc);
	nodes = weft__alloc(TIMERS * sizeof *nodes);
	CHECK(proc != NULL && nodes != NULL);
	for (unsigned bits = 8; bits <= 62; bits += 6) {
		round_of(bits, 0, steps);
		round_of(bits, weft_now(), steps);
		round_of(bits, (weft_time_t)(random_wide() >> 2), steps);
	}
	weft__free(nodes);
	weft__free(proc);
	test_end();
	return 0;
}

/*
 * thread.c - thread records, worker threads, and the slow side of enter.
 *
 * Records live in one list that only grows; the record of a plain pthread that has ended is used again.
 * Workers never end: an idle one costs a sleeping kernel thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "sched/sched.h"

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool end_works;

/* A thread that weft knows ends. For a plain pthread that is ordinary; a worker must not. */
static void thread_end(void *p)
{
	struct weft__thread *t = p;

	if (t->worker)
		weft__panic("pthread_exit was called in a task; a task ends by returning from its function");
	if (t->locals != NULL) {
		/* Destructors may use weft: the record must be known while they run. */
		void **locals = t->locals;
		weft__locals_end(locals);
		t->locals = NULL;
	}
	weft__self_set(NULL);
	weft__os_altstack_free(t->altstack);
	t->altstack = NULL;
	at_store(&t->used, 0, RELEASE);
}

static void end_setup(void)
{
	end_works = pthread_key_create(&end_key, thread_end) == 0;
}

static struct weft__thread *reuse(void)
{
	for (struct weft__thread *t = at_load(&rt.all_threads, ACQUIRE); t != NULL; t = t->all_next) {
		uint32_t unused = 0;
		if (at_load(&t->used, RELAXED) == 0 && at_cas(&t->used, &unused, 1, ACQUIRE, RELAXED))
			return t;
	}
	return NULL;
}

/* A record that nobody uses; NULL: no memory. */
static struct weft__thread *record(void)
{
	struct weft__thread *t;

	pthread_once(&end_once, end_setup);
	t = end_works ? reuse() : NULL;
	if (t != NULL)
		return t;
	t = weft__alloc(sizeof *t);
	if (t == NULL)
		return NULL;
	t->used = 1;
	t->all_next = at_load(&rt.all_threads, RELAXED);
	while (!at_cas(&rt.all_threads, &t->all_next, t, RELEASE, RELAXED))
		;
	return t;
}

/* Makes it the record of the calling thread. */
static void adopt(struct weft__thread *t, bool worker)
{
	at_store(&t->task, NULL, RELAXED);
	t->proc = NULL;
	at_store(&t->inside, 0, RELAXED);
	at_store(&t->claim, CLAIM_NONE, RELAXED);
	t->after = AFTER_NONE;
	t->worker = worker;
	t->tid = weft__os_thread_id();
	t->random = ((uint32_t)t->tid * 2654435761u ^ (uint32_t)weft__os_now()) | 1;
	san_thread_init(&t->san);
	if (worker)
		(void)weft__os_altstack(&t->altstack);
	if (end_works)
		pthread_setspecific(end_key, t);
	weft__self_set(t);
}

struct weft__thread *weft__thread_new(void)
{
	struct weft__thread *t = record();

	if (t != NULL)
		adopt(t, false);
	return t;
}

NOINLINE int weft__known_slow(void)
{
	int err = started() ? 0 : weft__start();

	if (err == 0 && weft__self() == NULL && weft__thread_new() == NULL)
		err = -ENOMEM;
	return err;
}

struct birth {
	struct weft__thread *thread;
	struct weft__proc *p;
	bool spinning;
};

static void worker_birth(void *arg)
{
	struct birth birth = *(struct birth *)arg;
	struct weft__thread *self = birth.thread;

	weft__free(arg);
	adopt(self, true);
	weft__os_thread_precise();
	at_store(&self->inside, 1, RELAXED);
	self->spinning = birth.spinning;
	hold(self, birth.p);
	weft__worker_main(self);
}

/* Counts the tasks that are outside of weft, each on a thread of its own, and names one. */
static void report_cap(void)
{
	const struct weft__task *some = NULL;
	unsigned stuck = 0;

	for (struct weft__thread *t = at_load(&rt.all_threads, ACQUIRE); t != NULL; t = t->all_next) {
		const struct weft__task *task = at_load(&t->task, RELAXED);
		if (!at_load(&t->used, ACQUIRE) || task == NULL || at_load(&t->inside, RELAXED))
			continue;
		stuck++;
		/* Rather one that has lost its processor for it. */
		if (some == NULL || at_load(&t->claim, RELAXED) == CLAIM_TAKEN)
			some = task;
	}
	if (some != NULL)
		weft__warn("all %u threads are in use (WEFT_MAXTHREADS): %u tasks block or burn outside of "
			   "weft, one of them is task %llu%s%s, created at %s; further ones hold up the "
			   "others",
			(unsigned)rt.max_threads, stuck, (unsigned long long)some->id,
			*task_name(some) ? " " : "", task_name(some), some->site);
	else
		weft__warn("all %u threads are in use (WEFT_MAXTHREADS)", (unsigned)rt.max_threads);
}

bool weft__thread_available(void)
{
	bool yes, report = false;

	lock_acquire(&rt.lock);
	yes = rt.idle_thread != NULL || rt.nthreads < rt.max_threads;
	if (!yes && !rt.cap_reported)
		report = rt.cap_reported = true;
	lock_release(&rt.lock);
	if (report)
		report_cap();
	return yes;
}

bool weft__worker_start(struct weft__proc *p, bool spinning)
{
	struct weft__thread *t;
	struct birth *birth;
	char name[16];
	uint32_t n;

	lock_acquire(&rt.lock);
	n = rt.nthreads;
	if (n < rt.max_threads)
		rt.nthreads++;
	lock_release(&rt.lock);
	if (n >= rt.max_threads)
		return false;
	birth = weft__alloc(sizeof *birth);
	t = birth != NULL ? record() : NULL;
	if (t != NULL) {
		*birth = (struct birth){ t, p, spinning };
		snprintf(name, sizeof name, "weft %u", (unsigned)n);
		if (weft__os_thread_start(worker_birth, birth, name) == 0)
			return true;
		at_store(&t->used, 0, RELEASE);
	}
	weft__free(birth);
	lock_acquire(&rt.lock);
	rt.nthreads--;
	lock_release(&rt.lock);
	return false;
}

NOINLINE struct weft__thread *weft__enter_slow(void)
{
	struct weft__thread *self = weft__self();
	struct weft__proc *p;
	int spins = 0;

	if (self == NULL) {
		if (!started() && weft__start() != 0) /* says it if this is a forked child */
			weft__panic("no memory or no thread to start the runtime");
		self = weft__thread_new();
		if (self == NULL)
			weft__panic("no memory for the record of a thread that calls weft");
		at_store(&self->inside, 1, RELAXED);
		return self;
	}
	for (;;) {
		uint32_t claim = at_load(&self->claim, ACQUIRE);
		if (claim == CLAIM_NONE)
			return self;
		if (claim == CLAIM_TAKEN)
			break;
		if (claim == CLAIM_BORROWED) {
			/* A few instructions, unless the kernel has preempted the monitor in between. */
			if (++spins % 64 != 0)
				weft__pause();
			else
				weft__os_thread_yield();
			continue;
		}
		if (at_cas(&self->claim, &claim, CLAIM_NONE, ACQ_REL, ACQUIRE))
			return self;
	}
	self->proc = NULL;
	at_store(&self->claim, CLAIM_NONE, RELAXED);
	lock_acquire(&rt.lock);
	p = weft__idle_proc_pop();
	lock_release(&rt.lock);
	if (p != NULL) {
		hold(self, p);
		monitor_wake();
		return self;
	}
	return weft__switch_away(self, AFTER_GLOBAL);
}

NOINLINE void weft__chaos_leave(struct weft__thread *self)
{
	static uint32_t dice = 2463534242u;
	uint32_t x = at_load(&dice, RELAXED), roll;
	struct weft__proc *p;

	roll = choose(CHOOSE_YIELD, 16, &x);
	at_store(&dice, x != 0 ? x : 1, RELAXED);
	if (roll > 1 || self->task == NULL || self->proc == NULL)
		return;
	/* As retake in monitor.c; the thread itself plays the monitor, so nobody else may be at it. */
	uint32_t none = CLAIM_NONE;
	p = self->proc;
	if (!at_cas(&self->claim, &none, CLAIM_TAKEN, ACQ_REL, RELAXED))
		return;
	at_store(&p->holder, NULL, RELAXED);
	weft__proc_hand_off(p);
}

void weft_pin(void)
{
	struct weft__thread *self = weft__self();
	struct weft__task *t;

	if (self == NULL || self->task == NULL)
		return;
	self = enter();
	t = self->task;
	if (t->pins == UINT16_MAX)
		weft__panic("weft_pin: nested more than %d times", UINT16_MAX);
	t->pins++;
	t->pinned = self;
	self->pinned = t;
	at_or(&self->special, SPECIAL_PINNED, RELAXED);
	leave(self);
}

void weft_unpin(void)
{
	struct weft__thread *self = weft__self();
	struct weft__task *t;

	if (self == NULL || self->task == NULL)
		return;
	self = enter();
	t = self->task;
	if (t->pins == 0)
		weft__panic("weft_unpin without weft_pin");
	if (--t->pins == 0) {
		t->pinned = NULL;
		self->pinned = NULL;
		at_and(&self->special, ~(uint32_t)SPECIAL_PINNED, RELAXED);
	}
	leave(self);
}

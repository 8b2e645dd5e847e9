/*
 * start.c - how the runtime comes to be: by the first call that needs it, from any thread.
 *
 * Each stage is done once and kept, so that a start that failed for lack of memory can be tried again. The
 * first worker is started here: from then on there is always a thread that can run what is ready.
 *
 * A child of fork has one thread and none of the runtime's: the first call that needs the runtime says so.
 * exec is fine.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

struct weft__rt weft__rt;

static uint32_t start_lock;
static enum { NOTHING, ALLOCATED, POLLER, MONITOR, WORKER } done;

enum { MAX_PROCS = 4096, MAX_THREADS = 10000 };

/* A number from the environment, or the default when there is none that makes sense. */
static uint32_t setting(const char *name, uint32_t otherwise, uint32_t most)
{
	const char *text = getenv(name);
	char *end;
	unsigned long value;

	if (text == NULL || *text == '\0')
		return otherwise;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || value == 0 || value > most || *text == '-') {
		weft__warn("%s=%s is not a number from 1 to %u; using %u", name, text, (unsigned)most,
			(unsigned)otherwise);
		return otherwise;
	}
	return (uint32_t)value;
}

/* An overflow ends the process: the stack holds nothing to go on with. */
static void on_fault(void *address)
{
	struct weft__stack *s = weft__stack_find(address);
	const struct weft__task *t;

	if (s == NULL || (size_t)((char *)address - s->base) >= weft__os_page_size())
		return;
	t = at_load(&s->task, RELAXED);
	if (t == NULL)
		return;
	weft__die("stack overflow: task %llu%s%s%s has used up its stack of %zu bytes, created at %s",
		(unsigned long long)t->id, *task_name(t) ? " \"" : "", task_name(t),
		*task_name(t) ? "\"" : "", stack_size(s), t->site);
}

static void forked(void)
{
	at_store(&rt.state, RT_FORKED, RELEASE);
	weft__self_set(NULL);
}

static int allocate(void)
{
	weft_time_t now = weft__os_now();
	struct weft__proc *procs;

	rt.nprocs = setting("WEFT_PROCS", weft__os_cpus(), MAX_PROCS);
	rt.max_threads = setting("WEFT_MAXTHREADS", MAX_THREADS, 1000000);
	rt.single = rt.nprocs == 1;
	procs = weft__alloc(sizeof *procs * rt.nprocs);
	if (procs == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < rt.nprocs; i++)
		weft__proc_init(&procs[i], i, now);
	for (uint32_t i = rt.nprocs; i-- > 1;)
		weft__idle_proc_push(&procs[i]);
	rt.procs = procs;
	at_store(&rt.coarse_ms, (uint32_t)(now / 1000000), RELAXED);
	weft__stack_setup();
	return 0;
}

static int start_stages(void)
{
	int err;

	if (done < ALLOCATED) {
		if ((err = allocate()) != 0)
			return err;
		done = ALLOCATED;
	}
	if (done < POLLER) {
		if ((err = weft__os_poller_open(&rt.poller)) != 0)
			return err == -ENOMEM ? err : -EAGAIN;
		done = POLLER;
	}
	if (done < MONITOR) {
		if ((err = weft__os_thread_start(weft__monitor_main, NULL, "weft monitor")) != 0)
			return err;
		done = MONITOR;
	}
	if (!weft__worker_start(&rt.procs[0], false))
		return -EAGAIN;
	done = WORKER;
	/* What cannot fail, or whose failure only costs a message. */
	(void)weft__os_fault_handler(on_fault);
	(void)pthread_atfork(NULL, NULL, forked);
	weft__exit_setup(setting("WEFT_EXIT_TASKS", 0, 1) != 0);
	at_store(&rt.state, RT_RUNNING, RELEASE);
	return 0;
}

int weft__start(void)
{
	int err = 0;

	if (at_load(&rt.state, ACQUIRE) == RT_FORKED)
		weft__panic("this process was forked from one that runs weft, and has no runtime: fork, then "
			    "exec at once");
	lock_acquire(&start_lock);
	if (at_load(&rt.state, RELAXED) == RT_NONE)
		err = start_stages();
	lock_release(&start_lock);
	return err;
}

unsigned weft_procs(void)
{
	if (!started() && weft__start() != 0)
		return 0;
	return rt.nprocs;
}

/* ---- weft_run ---- */

struct run {
	uint32_t lock; /* held by the caller until its context is saved */
	struct weft__waiter waiter;
};

static void run_ended(struct weft__thread *self, void *to, uint32_t n)
{
	struct run *run = to;

	(void)n;
	lock_acquire(&run->lock);
	(void)weft__claim(&run->waiter, WAIT_WOKEN);
	lock_release(&run->lock);
	weft__ready(self, &run->waiter);
}

int weft__run_at(weft_fn_t *fn, void *arg, const char *site)
{
	struct run run = { .lock = 0 };
	struct weft__debt debt = { run_ended, &run };
	struct weft__thread *self;
	int err = known();

	if (err != 0)
		return err;
	self = enter();
	weft__waiter_init(self, &run.waiter);
	lock_acquire(&run.lock);
	err = weft__spawn(self, &(struct weft__start){ .fn = fn, .arg = arg, .debt = &debt, .site = site });
	if (err == 0)
		self = weft__park(self, &run.waiter, &run.lock, limit_none(), "weft_run");
	leave(self);
	return err;
}

int(weft_run)(weft_fn_t *fn, void *arg)
{
	return weft__run_at(fn, arg, "?");
}

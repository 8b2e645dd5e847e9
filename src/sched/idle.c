/*
 * idle.c - who sleeps, who is woken, and why no work is lost between the two.
 *
 * No lost work. Whoever queues a task does: queue's tail or global count; light barrier; idle_procs > 0 and
 * nobody spins -> wake. Whoever goes idle or stops spinning does: idle_procs + 1 or spinning - 1; heavy
 * barrier; look at all queues once more. At least one of the two sees the other. A task in the next slot
 * alone wakes nobody: its processor runs it as soon as the present task gives way, and if that takes long the
 * monitor moves it.
 *
 * Sleeping. Idle threads stand in a list under rt.lock. One of them, the poller thread, sleeps in epoll until
 * the earliest timer; it publishes until when (poll_until) so that an earlier timer kicks it. It keeps the
 * role until it is back from epoll itself, also when a waker has taken it off the list meanwhile: so one
 * thread at a time waits there, and no other can consume a kick that is meant for it. The others sleep on
 * their futex word. A waker takes thread and processor from the lists under rt.lock, writes `given`, and
 * wakes; a thread that wakes by itself (the poller) looks under rt.lock whether it was given something first.
 * So each processor has one owner always.
 *
 * While a processor idles, somebody has the role of the poller or is on the way to it, else no timer and no
 * descriptor would be seen: who hands a processor on without going idle itself looks after it
 * (weft__poller_ensure), and the monitor does while others run.
 */
#include "sched/sched.h"

/* ---- idle lists; all under rt.lock ---- */

struct weft__proc *weft__idle_proc_pop(void)
{
	struct weft__proc *p = rt.idle_proc;

	if (p != NULL) {
		rt.idle_proc = p->idle_next;
		at_store(&rt.idle_procs, rt.idle_procs - 1, RELAXED);
	}
	return p;
}

void weft__idle_proc_push(struct weft__proc *p)
{
	at_store(&p->holder, NULL, RELAXED);
	p->idle_next = rt.idle_proc;
	rt.idle_proc = p;
	at_store(&rt.idle_procs, rt.idle_procs + 1, RELAXED);
}

static void idle_thread_add(struct weft__thread *t)
{
	t->idle = true;
	t->idle_prev = NULL;
	t->idle_next = rt.idle_thread;
	if (t->idle_next != NULL)
		t->idle_next->idle_prev = t;
	rt.idle_thread = t;
}

static void idle_thread_remove(struct weft__thread *t)
{
	if (t->idle_prev != NULL)
		t->idle_prev->idle_next = t->idle_next;
	else
		rt.idle_thread = t->idle_next;
	if (t->idle_next != NULL)
		t->idle_next->idle_prev = t->idle_prev;
	t->idle = false;
	t->kick = t == at_load(&rt.poller_thread, RELAXED);
	if (t->kick)
		at_store(&rt.poll_until, 0, RELAXED);
}

struct weft__thread *weft__idle_thread_pop(void)
{
	struct weft__thread *t = rt.idle_thread;

	if (t != NULL && t == rt.poller_thread && t->idle_next != NULL)
		t = t->idle_next;
	if (t != NULL)
		idle_thread_remove(t);
	return t;
}

void weft__thread_wake(struct weft__thread *t)
{
	bool kick = t->kick;

	at_add(&rt.wakes, 1, RELAXED);
	at_store(&t->futex, 1, RELEASE); /* pairs with the load in sleep_until_given: publishes given */
	/* The poller thread may be back from epoll already, and wait for the word as the others do. */
	weft__os_futex_wake(&t->futex, 1);
	if (kick)
		weft__os_poller_kick(&rt.poller);
}

/* ---- waking ---- */

static bool timers_due(void)
{
	weft_time_t next = weft__timers_next();

	return next != WEFT_NEVER && next <= weft__os_now();
}

/* A task that a processor without work could run. */
bool weft__queue_visible(void)
{
	if (at_load(&rt.global_count, RELAXED) != 0)
		return true;
	for (uint32_t i = 0; i < rt.nprocs; i++)
		if (queue_length(&rt.procs[i]) != 0)
			return true;
	return false;
}

bool weft__work_visible(void)
{
	return weft__queue_visible() || timers_due();
}

/*
 * One spinner less. When it was the last, whatever was queued meanwhile relied on it and may need another.
 */
static void unspin(void)
{
	if (at_sub(&rt.spinning, 1, ACQ_REL) != 1)
		return;
	light_barrier(); /* spinning before idle_procs, where heavy barriers are plain fences */
	if (at_load(&rt.idle_procs, RELAXED) == 0)
		return;
	heavy_barrier(); /* spinning before the queues: pairs with wake_if_idle */
	if (weft__work_visible())
		wake_if_idle();
}

void weft__stop_spinning(struct weft__thread *self)
{
	self->spinning = false;
	unspin();
}

NOINLINE bool weft__wake_proc(void)
{
	uint32_t nobody = 0;
	struct weft__proc *p;
	struct weft__thread *t;

	if (!at_cas(&rt.spinning, &nobody, 1, ACQ_REL, RELAXED))
		return false;
	lock_acquire(&rt.lock);
	p = weft__idle_proc_pop();
	t = p != NULL ? weft__idle_thread_pop() : NULL;
	if (t != NULL) {
		t->given = p;
		t->spinning = true;
	}
	lock_release(&rt.lock);
	if (p == NULL) {
		/* Somebody who came back from outside was faster. */
		unspin();
		return false;
	}
	monitor_wake();
	if (t != NULL) {
		weft__thread_wake(t);
		return true;
	}
	if (weft__worker_start(p, true))
		return true;
	/* No thread to be had: the monitor tries again. */
	lock_acquire(&rt.lock);
	weft__idle_proc_push(p);
	at_sub(&rt.spinning, 1, ACQ_REL);
	lock_release(&rt.lock);
	weft__timers_kick(weft__timers_next());
	return false;
}

void weft__proc_hand_off(struct weft__proc *p)
{
	if (at_load(&p->next, RELAXED) != NULL) {
		queue_put(p, at_load(&p->next, RELAXED));
		at_store(&p->next, NULL, RELAXED);
	}
	lock_acquire(&rt.lock);
	weft__idle_proc_push(p);
	lock_release(&rt.lock);
	heavy_barrier(); /* idle_procs before the queues: pairs with wake_if_idle */
	if (weft__work_visible())
		wake_if_idle();
	else
		weft__poller_ensure();
	weft__timers_kick(weft__timers_next());
}

bool weft__poller_ensure(void)
{
	struct weft__thread *t = NULL;
	bool vacant;

	if (at_load(&rt.idle_procs, RELAXED) == 0 || at_load(&rt.poller_thread, RELAXED) != NULL)
		return false;
	lock_acquire(&rt.lock);
	vacant = rt.poller_thread == NULL;
	if (vacant)
		t = weft__idle_thread_pop();
	lock_release(&rt.lock);
	if (t != NULL)
		weft__thread_wake(t); /* finds nothing to do, and takes the role when it goes idle again */
	else if (vacant)
		return weft__wake_proc(); /* likewise, with a processor */
	return t != NULL;
}

/* Sleeps until somebody gives this thread a processor or merely wakes it. */
void weft__sleep_until_given(struct weft__thread *self)
{
	while (at_load(&self->futex, ACQUIRE) == 0)
		weft__os_futex_wait(&self->futex, 0, WEFT_NEVER);
	at_store(&self->futex, 0, RELAXED);
}

/* Takes what a waker gave, if it gave a processor. */
void weft__take_given(struct weft__thread *self)
{
	struct weft__proc *p = self->given;

	self->given = NULL;
	if (p != NULL)
		hold(self, p);
}

/* Goes on with an idle processor, as a spinner: there is work somewhere. */
static void resume_with(struct weft__thread *self, struct weft__proc *p)
{
	hold(self, p);
	self->spinning = true;
	at_add(&rt.spinning, 1, ACQ_REL);
	monitor_wake();
}

/*
 * The poller thread goes to work. Whoever went idle after a waker had taken it off the list could not take
 * the role: the one that is returned must be woken for it. Under rt.lock.
 */
static struct weft__thread *drop_role(struct weft__thread *self, bool listed)
{
	if (rt.poller_thread != self)
		return NULL;
	at_store(&rt.poller_thread, NULL, RELAXED);
	return listed ? NULL : weft__idle_thread_pop();
}

enum left { STILL_LISTED, OFF_THE_LIST };

/*
 * In the list of idle threads, with work in sight: off the list and on with an idle processor. STILL_LISTED:
 * there is no idle processor, so those that are busy see to the work. OFF_THE_LIST: with a processor, or with
 * none after a waker that gave none.
 */
static enum left leave_idle(struct weft__thread *self)
{
	struct weft__thread *next = NULL;
	struct weft__proc *p = NULL;
	bool listed;

	lock_acquire(&rt.lock);
	listed = self->idle;
	if (listed && (p = weft__idle_proc_pop()) != NULL)
		idle_thread_remove(self);
	if (!listed || p != NULL)
		next = drop_role(self, listed);
	lock_release(&rt.lock);
	if (next != NULL)
		weft__thread_wake(next);
	if (!listed) {
		/* A waker was faster: what it gives is on its way. */
		weft__sleep_until_given(self);
		weft__take_given(self);
		return OFF_THE_LIST;
	}
	if (p == NULL)
		return STILL_LISTED;
	resume_with(self, p);
	return OFF_THE_LIST;
}

/* The poller thread's sleep. Returns with the thread off the idle list, holding a processor or not. */
static void sleep_in_poller(struct weft__thread *self, weft_time_t until)
{
	struct weft__list ready = { NULL, NULL, 0 };
	struct weft__thread *next = NULL;
	struct weft__proc *p = NULL;
	bool listed;

	weft__poll(until, &ready);
	lock_acquire(&rt.lock);
	listed = self->idle;
	if (listed) {
		idle_thread_remove(self);
		if (ready.count != 0 || timers_due())
			p = weft__idle_proc_pop();
	}
	next = drop_role(self, listed);
	lock_release(&rt.lock);
	if (next != NULL)
		weft__thread_wake(next);
	if (!listed) {
		weft__sleep_until_given(self);
		weft__take_given(self);
	} else if (p != NULL) {
		resume_with(self, p);
	}
	weft__make_ready_list(self, &ready);
}

/* How long the poller thread may sleep: without an idle processor it could not run what is due. */
static weft_time_t timers_matter(void)
{
	return at_load(&rt.idle_procs, RELAXED) == 0 ? WEFT_NEVER : weft__timers_next();
}

/*
 * Nothing to do: gives up the processor, if it has one, and sleeps until it holds one again. Returns at once,
 * with the processor still held, when the global queue filled meanwhile.
 */
void weft__go_idle(struct weft__thread *self)
{
	do {
		weft_time_t until = WEFT_NEVER;
		bool poll = false;

		lock_acquire(&rt.lock);
		if (self->proc != NULL) {
			if (rt.global_count != 0) {
				lock_release(&rt.lock);
				return;
			}
			weft__idle_proc_push(self->proc);
			self->proc = NULL;
		}
		idle_thread_add(self);
		if (rt.poller_thread == NULL) {
			poll = true;
			at_store(&rt.poller_thread, self, RELAXED);
			until = timers_matter();
			at_store(&rt.poll_until, until, RELAXED);
		}
		/* Under the lock: once it is released, a waker may make this thread a spinner. */
		if (self->spinning) {
			self->spinning = false;
			at_sub(&rt.spinning, 1, ACQ_REL);
		}
		lock_release(&rt.lock);
		/* idle_procs, spinning, poll_until before queues and wheels: pairs with the wakers */
		heavy_barrier();
		if (weft__work_visible() && leave_idle(self) == OFF_THE_LIST)
			continue;
		if (poll) {
			weft_time_t next = timers_matter();
			sleep_in_poller(self, next < until ? next : until);
		} else {
			weft__timers_kick(weft__timers_next());
			weft__sleep_until_given(self);
			weft__take_given(self);
		}
	} while (self->proc == NULL);
	self->proc->turn_started = weft__os_now();
}

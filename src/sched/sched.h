/*
 * sched.h - the runtime's objects and the few calls that the layers above block through.
 *
 * Who is who
 *   task       what the user started: a header from a slab, and a stack once it has run
 *   processor  the right to run tasks, with the data that belongs to it: queues, caches, timers; as many
 *              as CPUs
 *   thread     an operating system thread that weft knows: a worker, which runs tasks while it holds a
 *              processor, or a plain pthread that came to weft by itself
 *   waiter     one blocked call of a task or of a plain thread, on its own stack
 *
 * Inside and outside
 *   A processor's own data is touched only by the thread that holds it, and only inside: between enter() and
 *   leave(). User code always runs outside. The monitor may take the processor from a thread that is outside:
 *
 *     worker, enter()                     monitor, retake()
 *       inside = 1                          claim: NONE -> CLAIMED
 *       light barrier                       heavy barrier
 *       claim != NONE -> slow path          inside != 0 -> claim: CLAIMED -> NONE, give up
 *                                           else        -> claim: CLAIMED -> TAKEN, it is ours
 *
 *   The barriers are a store-load fence on each side, asymmetric where the kernel offers membarrier: then at
 *   least one of them sees the other's store. If both do, the compare-and-swap on claim decides: a worker
 *   that finds CLAIMED swaps it back to NONE and keeps the processor; one that finds TAKEN has none any more
 *   and must get one first. A worker's inside = 0 (release) orders all it did with the processor before the
 *   monitor's load (acquire). BORROWED is a TAKEN that ends soon: the monitor moves the next slot to the
 *   global queue and gives back; the worker waits for it.
 *
 *     claim       set by     to         meaning
 *     NONE        both       -          the worker holds its processor
 *     CLAIMED     monitor    NONE       undecided; the worker or the monitor swaps it back
 *                            TAKEN
 *                            BORROWED
 *     TAKEN       monitor    NONE       by the worker, once it knows
 *     BORROWED    monitor    NONE       by the monitor
 *
 * Giving up the processor
 *   A task that parks, yields or ends switches straight to the next task, or to the thread's own context
 *   where the search for work is (worker.c). What must happen once its registers are saved (put it in a
 *   queue, unlock the primitive, free its stack) is done by whoever runs next on the thread:
 *   weft__after_switch. Until then nobody can find the task, so nobody can run it on two threads.
 */
#ifndef WEFT_SCHED_SCHED_H
#define WEFT_SCHED_SCHED_H

#include <errno.h>

#include <weft/task.h>

#include "arch/arch.h"
#include "base/atomic.h"
#include "base/choose.h"
#include "base/probe.h"
#include "base/san.h"
#include "os/barrier.h"
#include "os/lock.h"
#include "os/os.h"

#if defined(WEFT_CHAOS) && WEFT_CHAOS
#define CHAOS 1
#else
#define CHAOS 0
#endif

enum {
	RING = CHAOS ? 2 : 1024,          /* tasks in a processor's own queue; a power of two */
	TURN = CHAOS ? 3 : 61,            /* most switches between two looks at the rest of the world */
	STACK_MIN_SHIFT = 14,             /* 16 KiB */
	STACK_CLASSES = 17,               /* up to 1 GiB */
	STACK_CACHE = CHAOS ? 2 : 64,     /* free stacks of the default class that a processor keeps */
	MAGAZINE = CHAOS ? 3 : 508,       /* free task headers in a magazine */
	MAGAZINE_REFILL = CHAOS ? 2 : 64, /* new headers that are cut together */
	READ_SLOTS_SHIFT = CHAOS ? 1 : 6, /* words in which a thread counts its read locks */
	NAME_SIZE = 24,
	ARGS_SIZE = 64,
	WHEEL_LEVELS = 9,
	WHEEL_SLOTS = 64
};

struct weft__bias;
struct weft__thread;
struct weft__proc;
struct weft__waiter;
struct weft__wheel;

/* ---- timers (timer.c) ---- */

/*
 * A node of a wheel. Protected by the lock of `wheel`, which is the wheel that it is armed in; NULL: not
 * armed. The one who fires it stores NULL last (release); the memory may be gone after that.
 */
struct weft__timer {
	struct weft__timer *next, *prev; /* circle of the slot */
	weft_time_t when;
	struct weft__wheel *wheel;
	struct weft__waiter *waiter; /* to wake; NULL: this is a struct weft__task_timer */
	uint8_t level, slot;
};

/* What a weft_timer_t holds: a timer that starts a task. */
struct weft__task_timer {
	struct weft__timer node;
	weft_fn_t *fn; /* NULL: was never armed */
	void *arg;
};

struct weft__slot {
	struct weft__timer *first;
	weft_time_t least; /* no timer of the slot is earlier; meaningful when the slot is not empty */
};

struct weft__wheel {
	uint32_t lock;
	weft_time_t next;            /* atomic: no armed timer fires earlier; WEFT_NEVER: none armed */
	uint64_t now;                /* in ticks: everything up to here has fired */
	uint64_t bits[WHEEL_LEVELS]; /* slots that are not empty */
	struct weft__slot slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* ---- stacks (stack.c) ---- */

struct weft__stack {
	char *base; /* lowest byte; the guard lies here */
	struct weft__stack *next;
	struct weft__task *task; /* atomic: whose it is, for the report of an overflow */
	uint32_t class;
	uint16_t color; /* bytes left free at the top, so that the hot lines of stacks differ */
	uint8_t guard;  /* enum guard_kind */
};

enum guard_kind { GUARD_MADVISE, GUARD_MPROTECT, GUARD_CANARY };

/* ---- tasks (task.c) ---- */

enum task_flags {
	TASK_LIVE = 1,      /* started and not ended */
	TASK_ARGS_HEAP = 2, /* arg is the runtime's memory and freed at the end */
	TASK_NAMED = 4      /* name is valid */
};

/*
 * What a task owes to something that waits for tasks (a wait group, weft_run): settle(self, to, n) is called
 * inside when n tasks with this debt have ended. A successor on the same stack that owes to the same inherits
 * the debt of the one before it: nobody can see the difference, for the count cannot reach its end before the
 * successor has ended too, and a thousand tasks that end in a row settle with a few locked operations.
 */
struct weft__debt {
	void (*settle)(struct weft__thread *self, void *to, uint32_t n);
	void *to;
};

struct weft__task {
	/* what a switch touches */
	void *sp;                  /* atomic but for the switch: saved context; NULL: has not run yet */
	struct weft__stack *stack; /* atomic; NULL: has not run yet */
	struct weft__task *link;   /* in the global queue, a list of ready tasks, or a free list */
	weft_fn_t *fn;
	void *arg;
	struct weft__thread *pinned; /* the thread it must run on; NULL: any */
	const char *reason;          /* atomic: what it waits for while parked, else NULL */
	uint32_t flags;              /* atomic: task_flags */
	uint16_t pins;
	uint8_t stack_class;
	/* what spawning touches beyond */
	uint64_t id;
	const char *site;
	void **locals;     /* WEFT_LOCAL_KEYS_MAX values, or NULL */
	uint32_t since_ms; /* atomic: when it parked, on the monitor's coarse clock */
	uint32_t owed;     /* to debt.to, by this task and by those it inherited from */
	struct weft__debt debt;
	char args[ARGS_SIZE] __attribute__((aligned(16)));
	/* the rest */
	char name[NAME_SIZE];
	struct weft__timer timer; /* the deadline of what it waits for */
	struct san_context san;
} CACHE_ALIGNED;

/* An array of free headers (slab.c). */
struct weft__magazine {
	struct weft__magazine *next;
	uint32_t count;
	struct weft__task *tasks[MAGAZINE];
};

/* ---- processors (proc.c) ---- */

/* What is counted for weft_stats_read. */
enum weft__count {
	COUNT_MUTEX_WAITS,
	COUNT_MUTEX_YIELDS,
	COUNT_MUTEX_HANDOFFS,
	COUNT_MUTEX_STARVED,
	COUNT_MUTEX_RECOVERED,
	COUNTS
};

struct weft__proc {
	/* the holder's, inside only */
	struct weft__task *next; /* atomic, holder writes: runs before the queue; not stolen */
	uint32_t ticks;          /* atomic, holder writes: switches made; the monitor reads it */
	uint32_t turn_end;       /* the tick at which the turn is over and it is time to look around */
	uint32_t turn_length;
	uint32_t random;
	struct weft__magazine *loaded, *spare; /* free task headers; NULL: none yet */
	uint32_t nfree_stacks;                 /* atomic, holder writes */
	struct weft__stack *free_stacks;
	uint64_t id_next, id_end;
	weft_time_t turn_started;
	uint64_t started, ended, steals; /* atomic, holder writes: counts */
	uint64_t counts[COUNTS];         /* atomic, holder writes */
	uint32_t takes;                  /* from the global queue */
	uint32_t index;
	/* the queue: the holder puts at the tail, anyone takes at the head */
	uint32_t head CACHE_ALIGNED;   /* atomic */
	uint32_t tail CACHE_ALIGNED;   /* atomic, holder writes */
	struct weft__task *ring[RING]; /* atomic */
	/* under rt.lock */
	struct weft__proc *idle_next CACHE_ALIGNED;
	struct weft__thread *holder; /* atomic; NULL: idle or on its way */
	/* the monitor's own */
	uint32_t seen_ticks;
	weft_time_t seen_at;
	int64_t seen_cpu;
	struct weft__thread *seen_holder;
	weft_time_t seen_cpu_at;
	struct weft__wheel wheel CACHE_ALIGNED;
} CACHE_ALIGNED;

/* ---- threads (worker.c, thread.c) ---- */

enum claim { CLAIM_NONE, CLAIM_CLAIMED, CLAIM_TAKEN, CLAIM_BORROWED };

/* What the next one on this thread does for the task that was switched away from. */
enum after { AFTER_NONE, AFTER_SOLE, AFTER_OPEN, AFTER_YIELD, AFTER_PARK, AFTER_END, AFTER_GLOBAL };

/* What at_hand must see to. ASKED is set by others. */
enum special { SPECIAL_PINNED = 1, SPECIAL_ASKED = 2 };

/*
 * A record is never given back to the heap while the process lives: a late wake-up of its futex word finds
 * memory that is still a thread record.
 */
struct weft__thread {
	struct weft__task *task; /* atomic, own: that runs; NULL: none, or a plain thread */
	struct weft__proc *proc; /* held processor; own, inside only */
	uint32_t inside;         /* atomic, own */
	uint32_t claim;          /* atomic: enum claim */
	uint32_t after;          /* enum after, for prev */
	uint32_t random;         /* own: for choices outside of a processor */
	struct weft__task *prev;
	uint32_t *unlock; /* AFTER_SOLE: as the lock of a waiter */
	/* atomic, own: the biased lock (bias.h) or rwmutex (sync/rwmutex.c) in whose section it is */
	const void *section;
	uint32_t special; /* atomic: enum special, 0 mostly */
	/* up to here one line: what every switch touches */
	void *sp;                  /* the thread's own context while a task runs */
	struct weft__waiter *park; /* AFTER_PARK, AFTER_OPEN: the waiter of prev */
	struct san_context san;
	struct weft__task *pinned;   /* the only task that may run here, or NULL */
	struct weft__bias *asked;    /* atomic: another wants this lock, see bias.h; NULL: none */
	struct weft__task *diverted; /* picked, but the own context must see to it (switch.c) */
	weft_time_t lease_began;     /* own: of the task that runs, with a mutex that others want (mutex.c) */
	bool left_thread;            /* the last switch to a task came from the own context */
	bool worker;
	/* sleeping and waking */
	uint32_t futex CACHE_ALIGNED;  /* atomic: 1 once woken */
	bool kick;                     /* for who took it off the idle list: wake it through the poller */
	bool idle;                     /* rt.lock: in the list of idle threads */
	bool spinning;                 /* counted in rt.spinning */
	struct weft__proc *given;      /* rt.lock: a processor handed over with the wake-up */
	struct weft__task *given_task; /* rt.lock: for a pinned thread, its task */
	struct weft__thread *idle_next, *idle_prev;
	struct weft__thread *all_next; /* list of all records; written once */
	uint32_t used;                 /* atomic: record belongs to a living thread */
	int32_t tid;
	void **locals; /* of a plain thread */
	void *altstack;
	/* atomic: read locks that were taken here (sync/rwmutex.c); they outlive the thread */
	uint64_t read_slots[1 << READ_SLOTS_SHIFT] CACHE_ALIGNED;
} CACHE_ALIGNED;

/* A chain of ready tasks through task->link, with room for the ones that are found together. */
struct weft__list {
	struct weft__task *first, *last;
	uint32_t count;
};

/* ---- the runtime (start.c) ---- */

enum rt_state { RT_NONE, RT_RUNNING, RT_FORKED };

struct weft__rt {
	uint32_t state; /* atomic: enum rt_state */
	uint32_t nprocs;
	bool single; /* one processor: nobody steals */
	struct weft__proc *procs;
	uint32_t max_threads;
	struct os_poller poller;
	/* what wakers look at */
	uint32_t idle_procs CACHE_ALIGNED; /* atomic, changed under lock */
	uint32_t spinning;                 /* atomic: threads that look for work to steal */
	weft_time_t poll_until;  /* atomic: the thread in the poller sleeps until then; 0: nobody does */
	uint32_t monitor_asleep; /* atomic: futex word of the monitor; 1: it sleeps until kicked */
	uint32_t global_count;   /* atomic, changed under lock */
	uint32_t poll_waiters;   /* atomic: waiters on descriptors */
	weft_time_t polled_at;   /* atomic */
	uint32_t coarse_ms;      /* atomic: the monitor's clock */
	/* under lock */
	uint32_t lock CACHE_ALIGNED;
	struct weft__proc *idle_proc;
	struct weft__thread *idle_thread;
	/* atomic, changed under lock: who sleeps in the poller, or is on the way out of it */
	struct weft__thread *poller_thread;
	struct weft__list begun, fresh;   /* the global queue: tasks that have run, and that have not */
	struct weft__thread *all_threads; /* atomic head: read by reports without the lock */
	uint32_t nthreads;                /* workers */
	bool cap_reported;
	uint64_t retakes, wakes; /* atomic */
	uint64_t id_next;        /* atomic */
	uint64_t guest_started;  /* atomic: tasks started from outside of any processor */
	uint64_t counts[COUNTS]; /* atomic: what was counted outside of any processor */
};

extern struct weft__rt weft__rt INTERNAL;

#define rt weft__rt

/* Starts the runtime if it does not run: 0, -ENOMEM, -EAGAIN. Panics in a forked child. */
int weft__start(void);
ALWAYS_INLINE bool started(void)
{
	return likely(at_load(&rt.state, ACQUIRE) == RT_RUNNING);
}

/*
 * Before the first enter of a call that can fail: starts the runtime and makes the record of a plain thread.
 * Returns 0, -ENOMEM or -EAGAIN.
 */
NOINLINE int weft__known_slow(void);
ALWAYS_INLINE int known(void)
{
	/* A thread that has a record has seen it started; a forked child's has none. */
	return likely(weft__self() != NULL) ? 0 : weft__known_slow();
}

/* ---- enter and leave ---- */

/* The slow path: makes the record of a plain thread, settles a claim, waits for a processor. */
NOINLINE struct weft__thread *weft__enter_slow(void);
/* Chaos: gives up the processor, as if the monitor had taken it. */
NOINLINE void weft__chaos_leave(struct weft__thread *self);

/*
 * From here on the thread's processor is its own. The result may differ from what weft__self() was before: a
 * task that had lost its processor may go on elsewhere. The runtime must have been started. enter_as: self is
 * weft__self().
 */
ALWAYS_INLINE struct weft__thread *enter_as(struct weft__thread *self)
{
	ASSERT(!self->inside);
	at_store(&self->inside, 1, RELAXED);
	light_barrier();
	/* Acquire: what the monitor did with a processor that it borrowed. */
	if (unlikely(at_load(&self->claim, ACQUIRE) != CLAIM_NONE))
		return weft__enter_slow();
	return self;
}

ALWAYS_INLINE struct weft__thread *enter(void)
{
	struct weft__thread *self = weft__self();

	return likely(self != NULL) ? enter_as(self) : weft__enter_slow();
}

ALWAYS_INLINE void leave(struct weft__thread *self)
{
	ASSERT(self == weft__self() && self->inside);
	at_store(&self->inside, 0, RELEASE);
#if CHAOS
	weft__chaos_leave(self);
#endif
}

/* Inside. */
ALWAYS_INLINE void count_one(struct weft__thread *self, enum weft__count what)
{
	if (likely(self->proc != NULL))
		at_bump(&self->proc->counts[what], 1);
	else
		at_add(&rt.counts[what], 1, RELAXED);
}

/* ---- tasks (task.c) ---- */

/* A task ready to run, not in any queue; NULL: no memory. p may be NULL. */
struct weft__task *weft__task_new(struct weft__proc *p, weft_fn_t *fn, void *arg, const char *site);
void weft__task_free(struct weft__proc *p, struct weft__task *t);
/* Binds a stack and the first context; false: no memory. */
bool weft__task_bind(struct weft__proc *p, struct weft__task *t);
/* What a task is started with. */
struct weft__start {
	weft_fn_t *fn;
	void *arg;
	const void *copy; /* copied, and arg is the copy; NULL: none */
	size_t copy_size;
	const weft_go_options_t *options;
	const struct weft__debt *debt;
	const char *site;
};
/* Starts a task from inside. */
int weft__spawn(struct weft__thread *self, const struct weft__start *start);
/* Starts a task from outside, any thread; starts the runtime if need be. */
ALWAYS_INLINE int weft__go(const struct weft__start *start)
{
	struct weft__thread *self;
	int err = known();

	if (unlikely(err != 0))
		return err;
	self = enter();
	err = weft__spawn(self, start);
	leave(self);
	return err;
}
/* The task's name, "" when it has none. */
ALWAYS_INLINE const char *task_name(const struct weft__task *t)
{
	return at_load(&t->flags, RELAXED) & TASK_NAMED ? t->name : "";
}
/* The slow halves of taking and giving a header: the depot. p may be NULL. (slab.c) */
struct weft__task *weft__header_take_slow(struct weft__proc *p);
void weft__header_put_slow(struct weft__proc *p, struct weft__task *t);
/* Calls fn for every live task; a snapshot, tasks may come and go meanwhile. */
void weft__task_each(void (*fn)(struct weft__task *t, void *arg), void *arg);
/* Runs the destructors of task-local values; outside. */
void weft__locals_end(void **locals);

/* ---- stacks (stack.c) ---- */

/* The class of stacks that nobody asked a size for: 64 KiB, or four pages where pages are large. */
extern uint8_t weft__stack_default INTERNAL;
struct weft__stack *weft__stack_get(struct weft__proc *p, uint32_t class);
void weft__stack_put(struct weft__proc *p, struct weft__stack *s);
ALWAYS_INLINE size_t stack_size(const struct weft__stack *s)
{
	return (size_t)1 << (STACK_MIN_SHIFT + s->class);
}
ALWAYS_INLINE char *stack_top(const struct weft__stack *s)
{
	return s->base + stack_size(s) - s->color;
}
/* Dies if the stack's canary was overwritten; for stacks that have no better guard. */
void weft__canary_check(const struct weft__stack *s);
/* Atomic: enum guard_kind of new stacks; only ever grows. */
extern uint32_t weft__guard_mode INTERNAL;
ALWAYS_INLINE void stack_check(const struct weft__stack *s)
{
	if (unlikely(at_load(&weft__guard_mode, RELAXED) == GUARD_CANARY) && s->guard == GUARD_CANARY)
		weft__canary_check(s);
}
/* The stack that holds the address, or NULL. Async-signal-safe. */
struct weft__stack *weft__stack_find(const void *address);
/* Chooses the guard; called once. */
void weft__stack_setup(void);
/* Gives memory of stacks that nobody used for a while back; returns when to come again, or WEFT_NEVER. */
weft_time_t weft__stack_scavenge(weft_time_t now);
void weft__stack_counts(uint64_t *all, uint64_t *unused, const char **guard);

/* ---- queues of ready tasks ---- */

#include "sched/queue.h"

/* ---- waking and sleeping (idle.c); becoming ready (switch.c) ---- */

/* Work was queued: wakes a processor if one idles and nobody looks for work yet. True: it did. */
NOINLINE bool weft__wake_proc(void);
ALWAYS_INLINE bool wake_if_idle(void)
{
	light_barrier(); /* the queue's tail before idle_procs: pairs with the heavy barrier in go_idle */
	if (likely(at_load(&rt.idle_procs, RELAXED) == 0) || at_load(&rt.spinning, RELAXED) != 0)
		return false;
	return weft__wake_proc();
}

/*
 * Makes a task run soon: the next slot of the caller's processor, or the global queue. Inside, or with self
 * == NULL.
 */
void weft__make_ready(struct weft__thread *self, struct weft__task *t);
/* The same for many; they go to the end of the queue. */
void weft__make_ready_list(struct weft__thread *self, struct weft__list *list);

/* Is there a task that a processor without work could run? */
bool weft__queue_visible(void);
/* Is there anything that a processor without work could do? */
bool weft__work_visible(void);
/*
 * Somebody must sleep in the poller while a processor idles; true: nobody did, and a thread was woken for it.
 */
bool weft__poller_ensure(void);
/* A spinner found work or gave up: when it was the last, what came meanwhile may need another. */
void weft__stop_spinning(struct weft__thread *self);
/*
 * Nothing to do: gives up the processor, if there is one, and sleeps until self holds one again. Returns at
 * once, with the processor still held, when the global queue filled meanwhile.
 */
void weft__go_idle(struct weft__thread *self);
/* Sleeps until somebody gives this thread a processor or merely wakes it. */
void weft__sleep_until_given(struct weft__thread *self);
/* Takes what a waker gave, if it gave a processor. */
void weft__take_given(struct weft__thread *self);
ALWAYS_INLINE void hold(struct weft__thread *self, struct weft__proc *p)
{
	self->proc = p;
	at_store(&p->holder, self, RELEASE);
}

/* ---- biased locks (bias.c) ---- */

/* Another thread wants a lock that is biased to this one, and has set SPECIAL_ASKED: hands it over. */
NOINLINE void weft__bias_answer(struct weft__thread *self);
ALWAYS_INLINE void answer_if_asked(struct weft__thread *self)
{
	if (unlikely(at_load(&self->special, RELAXED) & SPECIAL_ASKED))
		weft__bias_answer(self);
}

/* ---- switching (switch.c) ---- */

/*
 * Makes `next` runnable right now on this thread; false: no memory for its stack, or pinned to another
 * thread.
 */
bool weft__task_prepare(struct weft__thread *self, struct weft__task *next);
/* Runs a task from the thread's own context, until a task switches back to it. */
void weft__switch_run(struct weft__thread *self, struct weft__task *t);
/* Gives up the processor; returns when the task runs again, inside, on the thread that it runs on then. */
struct weft__thread *weft__switch_away(struct weft__thread *self, enum after after);
/*
 * The park of a task's waiter that is known to one queue only; `lock` as in weft__park. A way of its own, for
 * it is what a message between two tasks costs.
 */
struct weft__thread *weft__switch_sole(struct weft__thread *self, uint32_t *lock, const char *reason);
/* The same for a waiter that is open and has neither lock nor limit: a select's. */
struct weft__thread *weft__switch_open(struct weft__thread *self, struct weft__waiter *w, const char *reason);
/* What the task that was switched to does first. */
void weft__after_switch(struct weft__thread *self);
/* The worker's loop, on the thread's own stack; inside. Does not return. */
WEFT_NORETURN void weft__worker_main(struct weft__thread *self);
/* Ends the running task; inside. */
WEFT_NORETURN void weft__switch_end(struct weft__thread *self);

/* ---- threads (thread.c, worker.c) ---- */

/* Starts a worker that holds p; false: the cap is reached or the system refuses. Not under rt.lock. */
bool weft__worker_start(struct weft__proc *p, bool spinning);
/* Finds a thread for a processor that has work, or lets it idle. */
void weft__proc_hand_off(struct weft__proc *p);
/* True when a thread for one more processor is there or may be started; reports the cap once. */
bool weft__thread_available(void);
struct weft__proc *weft__idle_proc_pop(void);     /* under rt.lock */
void weft__idle_proc_push(struct weft__proc *p);  /* under rt.lock */
struct weft__thread *weft__idle_thread_pop(void); /* under rt.lock */
void weft__thread_wake(struct weft__thread *t);

/* A record for the calling thread; NULL: no memory. */
struct weft__thread *weft__thread_new(void);

/* ---- blocking ---- */

#include "sched/wait.h"

/* ---- timers (timer.c) ---- */

void weft__wheel_init(struct weft__wheel *wheel, weft_time_t now);
/* Arms a timer that is not armed. p: whose wheel; NULL: any. Inside or on a plain thread. */
void weft__timer_arm(struct weft__proc *p, struct weft__timer *t);
/* True: it was armed and will not fire. */
bool weft__timer_cancel(struct weft__timer *t);
/*
 * Fires what is due in the wheel; tasks that became ready are added to the list. True: there is more, but the
 * lock was held long enough. Inside.
 */
bool weft__wheel_run(
	struct weft__thread *self, struct weft__wheel *wheel, weft_time_t now, struct weft__list *ready);
/* The earliest time at which any processor's wheel has something to do. */
weft_time_t weft__timers_next(void);

/* The thread in the poller must not sleep past `when`. */
void weft__timers_kick(weft_time_t when);

/* ---- the poller (poller.c) ---- */

/* One waiter's interest in one descriptor. */
struct weft__poll_node {
	struct weft__poll_node *next; /* of the descriptor, under its lock */
	struct weft__waiter *waiter;
	unsigned wanted, got; /* events; got is written before the waiter is woken */
};

/*
 * Queues the node and arms the descriptor: 0, 1 when it is always ready (then not queued), or an error.
 * Inside.
 */
int weft__poll_add(int fd, struct weft__poll_node *node, uint32_t **lock);
/* Takes it out, unless a report did. Inside. */
void weft__poll_remove(int fd, struct weft__poll_node *node);
/* weft_fd_wait with any limit. */
int weft__fd_wait(int fd, unsigned events, struct weft__limit limit);
/* weft_sleep_until and weft_ticker_wait with any limit. */
int weft__sleep(struct weft__limit limit, const char *reason);
int weft__ticker_wait(weft_ticker_t *ticker, struct weft__limit limit);
/* Collects what is ready; waits until the deadline (0: does not wait). Outside of rt.lock. */
void weft__poll(weft_time_t deadline, struct weft__list *ready);

/* ---- monitor (monitor.c) ---- */

void weft__monitor_main(void *arg);
ALWAYS_INLINE void monitor_wake(void)
{
	light_barrier(); /* idle_procs before monitor_asleep: pairs with the heavy barrier in sleep_deep */
	if (unlikely(at_load(&rt.monitor_asleep, RELAXED) != 0) &&
		at_xchg(&rt.monitor_asleep, 0, RELAXED) != 0)
		weft__os_futex_wake(&rt.monitor_asleep, 1);
}

/* ---- exit (exit.c) ---- */

void weft__exit_setup(bool list);
/* "  task 7 "name" [what it does] created at file.c:12", cut to size, for lists of tasks. */
void weft__task_line(char *line, size_t size, struct weft__task *t, uint32_t now_ms);

#endif /* WEFT_SCHED_SCHED_H */

/*
 * weft/task.h - tasks: functions that run concurrently, on all processors, for a few hundred bytes each.
 *
 *     #include <weft/weft.h>
 *     #include <stdio.h>
 *
 *     static void hello(void *arg)
 *     {
 *         printf("hello from task %llu: %s\n", (unsigned long long)weft_task_id(), (const char *)arg);
 *     }
 *
 *     WEFT_TASK(add, int, a, int, b)          // a task function with typed parameters
 *     {
 *         printf("%d\n", a + b);
 *     }
 *
 *     static void start(void *arg)
 *     {
 *         (void)arg;
 *         weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
 *         weft_waitgroup_go(&wg, hello, (void *)"again");
 *         weft_waitgroup_wait(&wg);
 *         WEFT_GO(add, 1, 2);                  // wrong count or type: does not compile
 *         weft_sleep(WEFT_MS(10));
 *     }
 *
 *     int main(void) { return weft_run(start, NULL); }
 *
 * A task is not bound to a thread. It runs until it blocks in weft, yields or returns; meanwhile it may
 * call any C function, also one that blocks or burns the processor: the other tasks go on on other
 * threads. Nothing is preempted inside C code. The runtime starts by itself with the first call that
 * needs it. When main returns or exit is called, tasks that still run are cut off (see
 * weft_exit_report); wait for those that matter.
 *
 * errno and thread_local variables are unspecified after a call that may park (see weft/base.h).
 *
 * Environment, read once at start:
 *   WEFT_PROCS       number of processors to use; default: the CPUs of the affinity mask, bounded by the
 *                    cgroup's CPU quota (rounded up)
 *   WEFT_MAXTHREADS  most threads that the runtime starts (default 10000); reaching it is reported once
 *   WEFT_GUARD       madvise, mprotect or canary: how stacks are guarded; default: the best available
 *   WEFT_EXIT_TASKS  1: list at exit the tasks that were cut off, on stderr
 */
#ifndef WEFT_TASK_H
#define WEFT_TASK_H

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

typedef void weft_fn_t(void *arg);

/*
 * Starts fn(arg) as a new task, ready to run. The task's creation site is the place of this call.
 * Returns 0, -ENOMEM when no memory is left for the task, -EAGAIN when the runtime cannot start a
 * thread; then nothing was started. Any thread; never blocks.
 * fn begins with the default floating-point control state, and each task keeps its own from then on.
 * Memory order: all that happens before the call happens before fn begins.
 * Cost: tens of nanoseconds, 256 bytes; the stack is bound when the task first runs.
 */
WEFT_API int weft_go(weft_fn_t *fn, void *arg);

/* How a task is started, beyond function and argument. Zero every field that is not used. */
typedef struct weft_go_options {
	size_t size;       /* sizeof(weft_go_options_t): tells which fields the caller knows */
	const char *name;  /* copied, cut after 23 bytes; NULL: no name */
	size_t stack_size; /* bytes, rounded up to a power of two, 16 KiB (or 4 pages) to 1 GiB; 0: 64 KiB */
	const char *site;  /* the creation site to record; NULL: the place of the call */
	void *reserved[4];
} weft_go_options_t;

/* As weft_go, with options (NULL: none). -EINVAL for a stack size or a struct size out of range. */
WEFT_API int weft_go_with(const weft_go_options_t *options, weft_fn_t *fn, void *arg);

WEFT_API int weft__go_at(weft_fn_t *fn, void *arg, const char *site);
WEFT_API int weft__go_with_at(const weft_go_options_t *options, weft_fn_t *fn, void *arg, const char *site);
WEFT_API int weft__go_copy(weft_fn_t *fn, const void *args, size_t size, const char *site);
/* Those of a wait group (weft/sync.h), which typed tasks may belong to. */
struct weft_waitgroup;
WEFT_API int weft__waitgroup_go_at(struct weft_waitgroup *wg, weft_fn_t *fn, void *arg, const char *site);
WEFT_API int weft__waitgroup_go_copy(
	struct weft_waitgroup *wg, weft_fn_t *fn, const void *args, size_t size, const char *site);

#define weft_go(fn, arg) weft__go_at((fn), (arg), WEFT_HERE)
#define weft_go_with(options, fn, arg) weft__go_with_at((options), (fn), (arg), WEFT_HERE)

/*
 * Runs fn(arg) as a task and returns when it has returned: 0, or -ENOMEM or -EAGAIN when it could not be
 * started. Other tasks that still run are not waited for. From a plain thread (usually main); from a task
 * it works too and parks the task. Memory order: all that fn did happens before weft_run returns.
 */
WEFT_API int weft_run(weft_fn_t *fn, void *arg);
WEFT_API int weft__run_at(weft_fn_t *fn, void *arg, const char *site);
#define weft_run(fn, arg) weft__run_at((fn), (arg), WEFT_HERE)

/*
 * Lets the other ready tasks run; the caller goes to the end of its processor's queue. On a plain thread:
 * sched_yield. May park. Cost: one context switch.
 */
WEFT_API void weft_yield(void);

/*
 * Sleeps for duration_ns; 0 or less returns at once; never wakes early. Any thread. Returns 0.
 * Resolution: about a microsecond beyond what the kernel needs to wake an idle processor.
 */
WEFT_API int weft_sleep(int64_t duration_ns);

/* Sleeps until the deadline. WEFT_NEVER sleeps for ever. Any thread. Returns 0. */
WEFT_API int weft_sleep_until(weft_time_t deadline);

/* The id of the running task: 1 and up, never used again in this process. 0 on a plain thread. */
WEFT_API uint64_t weft_task_id(void);

/* The name of the running task, "" when it has none or on a plain thread. Valid while the task lives. */
WEFT_API const char *weft_task_name(void);

/* Names the running task; copied, cut after 23 bytes; NULL removes it. No effect on a plain thread. */
WEFT_API void weft_task_set_name(const char *name);

/*
 * Task-local values. A key is made once for the process; every task (and every plain thread) has its own
 * value for it, NULL at first. The destructor (may be NULL) gets each value that is not NULL when its task
 * or thread ends; it runs in the ending task and may use weft. At most WEFT_LOCAL_KEYS_MAX keys.
 */
typedef uint32_t weft_local_key_t;
#define WEFT_LOCAL_KEYS_MAX 128
/* 0, or -EAGAIN when all keys are taken. Any thread. */
WEFT_API int weft_local_create(weft_local_key_t *key, void (*destructor)(void *value));
/* The running task's value. Panics when the key was never created. Any thread; never blocks. */
WEFT_API void *weft_local_get(weft_local_key_t key);
/* Sets it: 0 or -ENOMEM. Panics when the key was never created. Any thread; never blocks. */
WEFT_API int weft_local_set(weft_local_key_t key, void *value);

/*
 * Binds the running task to the thread it runs on, for libraries that keep state in thread-locals. While
 * pinned, the task runs only there and nothing else runs there; each park and wake-up then costs a switch
 * between threads. Nests: the task is free again after as many weft_unpin. On a plain thread: no effect.
 * weft_unpin without weft_pin panics. A task that ends pinned is unpinned.
 */
WEFT_API void weft_pin(void);
WEFT_API void weft_unpin(void);

/*
 * Timers. The memory is the caller's; a zeroed timer is a valid stopped one.
 * When a timer fires, fn(arg) runs as a new task. After firing or weft_timer_stop the timer's memory may be
 * reused or freed at once, also from fn itself.
 */
typedef struct weft_timer {
	void *weft__opaque[12];
} weft_timer_t;
#define WEFT_TIMER_INIT { { 0 } }

/*
 * Arms the timer for a time (weft_timer_at) or a duration from now (weft_timer_after; 0 or less: now). With
 * WEFT_NEVER it is armed and does not fire.
 * Panics when the timer is armed. Returns 0, -EAGAIN or -ENOMEM as weft_go. Any thread; never blocks.
 */
WEFT_API int weft_timer_at(weft_timer_t *timer, weft_time_t when, weft_fn_t *fn, void *arg);
WEFT_API int weft_timer_after(weft_timer_t *timer, int64_t duration_ns, weft_fn_t *fn, void *arg);
/*
 * Stops the timer: 1 when it was armed and fn will not run, 0 when it had fired, was stopped or never armed.
 * Does not wait for an fn that runs. Any thread; never blocks.
 */
WEFT_API int weft_timer_stop(weft_timer_t *timer);
/*
 * Stops the timer and arms it again with the fn and arg of its last weft_timer_at or weft_timer_after.
 * Returns as weft_timer_stop, or a negative errno as weft_timer_at. Panics for a timer that was never armed.
 */
WEFT_API int weft_timer_reset(weft_timer_t *timer, weft_time_t when);

/*
 * Ticker: one waiter at a time gets a tick each period. A tick that nobody waited for is kept, one at most;
 * further ones are dropped, so a slow receiver skips ticks and keeps the phase. Needs no stop, owns nothing.
 */
typedef struct weft_ticker {
	weft_time_t weft__next;
	int64_t weft__period;
} weft_ticker_t;
/* Starts the ticker now: the first tick comes one period from now. Panics when the period is not positive. */
WEFT_API void weft_ticker_start(weft_ticker_t *ticker, int64_t period_ns);
/*
 * Waits for the next tick: 0, or -ETIMEDOUT at the deadline. Any thread, one at a time. Panics for a ticker
 * that was not started.
 */
WEFT_API int weft_ticker_wait(weft_ticker_t *ticker, weft_time_t deadline);

/* What weft_fd_wait waits for, and what it returns. */
#define WEFT_READABLE 1
#define WEFT_WRITABLE 2

/*
 * Waits until the descriptor is readable or writable (events: one or both), or has an error or a hang-up,
 * which counts as both. Returns the events that hold (more than 0), -ETIMEDOUT at the deadline, -EBADF,
 * -EINVAL for no or unknown events, -ENOMEM. A regular file is always ready. Any thread; parks a task.
 * Any number may wait on one descriptor. Closing a descriptor that somebody waits on does not wake them:
 * shut it down, or use a deadline. When several wait for one event, all are woken, and all but one may find
 * EAGAIN.
 */
WEFT_API int weft_fd_wait(int fd, unsigned events, weft_time_t deadline);

/* How many processors the runtime uses. Starts the runtime; 0 when it cannot start. Any thread. */
WEFT_API unsigned weft_procs(void);

/*
 * With on != 0, at exit() the tasks that are cut off are listed on stderr: id, name, state, creation site.
 * WEFT_EXIT_TASKS=1 in the environment does the same. Any thread.
 */
WEFT_API void weft_exit_report(int on);

/* Counts of the runtime, for tests, monitoring and curiosity. A snapshot; each field is exact by itself. */
typedef struct weft_stats {
	size_t size;             /* in: sizeof(weft_stats_t) */
	uint64_t procs;          /* processors */
	uint64_t procs_idle;     /* of them without work */
	uint64_t threads;        /* threads that the runtime started and that live, the monitor included */
	uint64_t tasks_alive;    /* tasks started and not ended */
	uint64_t tasks_started;  /* tasks ever started */
	uint64_t stacks;         /* stacks ever cut from the address space and not returned to it */
	uint64_t stacks_free;    /* of them not in use by a task */
	uint64_t retakes;        /* processors taken from a thread that blocked or burned */
	uint64_t steals;         /* successful steals */
	uint64_t wakes;          /* sleeping threads woken for work */
	uint64_t mutex_waits;    /* locks of a mutex (weft/mutex.h) that had to sleep for it */
	uint64_t mutex_yields;   /* locks of a free one that let others have it first */
	uint64_t mutex_handoffs; /* unlocks that gave the mutex to one who slept */
	uint64_t mutex_starving; /* times that a mutex of policy go1.9 began to hand over each time */
	uint64_t mutex_recovered; /* times that one ended it */
	const char *guard;       /* how new stacks are guarded: "madvise", "mprotect", "canary" */
} weft_stats_t;
/* Fills stats: 0 or -EINVAL for a size that it does not know. Any thread. Takes locks; not for hot paths. */
WEFT_API int weft_stats_read(weft_stats_t *stats);

/*
 * Typed tasks. WEFT_TASK(name, T1, a1, T2, a2, ...) at file scope, followed by the body, defines a task
 * function `static void name(T1 a1, T2 a2, ...)` with up to six parameters. WEFT_GO(name, x1, x2, ...)
 * starts it as weft_go does, with the arguments copied; their number and types are checked by the compiler
 * as for a call. A type that does not stand whole before the parameter's name (an array, a function
 * pointer) needs a typedef; in C++ the types must be trivially copyable. Arguments of up to 64 bytes
 * together cost no allocation.
 */
#define WEFT_TASK(...) WEFT__CAT(WEFT__TASK_, WEFT__COUNT(__VA_ARGS__))(__VA_ARGS__)
#define WEFT_GO(...) WEFT__CAT(WEFT__GO_, WEFT__COUNT(__VA_ARGS__))(__VA_ARGS__)

#define WEFT__COUNT(...) WEFT__COUNT_(__VA_ARGS__, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define WEFT__COUNT_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, ...) n

#define WEFT__GO_1(name) weft__go_##name(WEFT_HERE, NULL)
#define WEFT__GO_2(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)
#define WEFT__GO_3(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)
#define WEFT__GO_4(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)
#define WEFT__GO_5(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)
#define WEFT__GO_6(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)
#define WEFT__GO_7(name, ...) weft__go_##name(WEFT_HERE, NULL, __VA_ARGS__)

#define WEFT__TASK_DEFINE(name, fields, params, fill, pass)                                             \
	struct weft__args_##name {                                                                      \
		WEFT__PASS fields                                                                       \
	};                                                                                              \
	static void name params;                                                                        \
	static void weft__run_##name(void *weft__p)                                                     \
	{                                                                                               \
		struct weft__args_##name *weft__a = (struct weft__args_##name *)weft__p;                \
		name pass;                                                                              \
	}                                                                                               \
	WEFT__PASS fill                                                                                 \
	static void name params
#define WEFT__PASS(...) __VA_ARGS__
#define WEFT__START(name, ...)                                                                          \
	WEFT_UNUSED static int weft__go_##name(                                                         \
		const char *weft__site, struct weft_waitgroup *weft__wg, __VA_ARGS__)
#define WEFT__START_END(name)                                                                           \
	return weft__wg == NULL ? weft__go_copy(weft__run_##name, &weft__s, sizeof weft__s, weft__site) \
				: weft__waitgroup_go_copy(                                              \
					  weft__wg, weft__run_##name, &weft__s, sizeof weft__s, weft__site);

#define WEFT__TASK_1(name)                                                                              \
	static void name(void);                                                                         \
	static void weft__run_##name(void *weft__p)                                                     \
	{                                                                                               \
		(void)weft__p;                                                                          \
		name();                                                                                 \
	}                                                                                               \
	WEFT_UNUSED static int weft__go_##name(const char *weft__site, struct weft_waitgroup *weft__wg) \
	{                                                                                               \
		return weft__wg == NULL ? weft__go_at(weft__run_##name, NULL, weft__site)               \
					: weft__waitgroup_go_at(                                        \
						  weft__wg, weft__run_##name, NULL, weft__site);        \
	}                                                                                               \
	static void name(void)
#define WEFT__TASK_3(name, T1, a1)                                                                      \
	WEFT__TASK_DEFINE(name, (T1 a1;), (T1 a1),                                                      \
		(WEFT__START(name, T1 a1) {                                                             \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1))
#define WEFT__TASK_5(name, T1, a1, T2, a2)                                                              \
	WEFT__TASK_DEFINE(name, (T1 a1; T2 a2;), (T1 a1, T2 a2),                                        \
		(WEFT__START(name, T1 a1, T2 a2) {                                                      \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			weft__s.a2 = a2;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1, weft__a->a2))
#define WEFT__TASK_7(name, T1, a1, T2, a2, T3, a3)                                                      \
	WEFT__TASK_DEFINE(name, (T1 a1; T2 a2; T3 a3;), (T1 a1, T2 a2, T3 a3),                          \
		(WEFT__START(name, T1 a1, T2 a2, T3 a3) {                                               \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			weft__s.a2 = a2;                                                                \
			weft__s.a3 = a3;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1, weft__a->a2, weft__a->a3))
#define WEFT__TASK_9(name, T1, a1, T2, a2, T3, a3, T4, a4)                                              \
	WEFT__TASK_DEFINE(name, (T1 a1; T2 a2; T3 a3; T4 a4;), (T1 a1, T2 a2, T3 a3, T4 a4),            \
		(WEFT__START(name, T1 a1, T2 a2, T3 a3, T4 a4) {                                        \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			weft__s.a2 = a2;                                                                \
			weft__s.a3 = a3;                                                                \
			weft__s.a4 = a4;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1, weft__a->a2, weft__a->a3, weft__a->a4))
#define WEFT__TASK_11(name, T1, a1, T2, a2, T3, a3, T4, a4, T5, a5)                                     \
	WEFT__TASK_DEFINE(name, (T1 a1; T2 a2; T3 a3; T4 a4; T5 a5;),                                   \
		(T1 a1, T2 a2, T3 a3, T4 a4, T5 a5),                                                    \
		(WEFT__START(name, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5) {                                 \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			weft__s.a2 = a2;                                                                \
			weft__s.a3 = a3;                                                                \
			weft__s.a4 = a4;                                                                \
			weft__s.a5 = a5;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1, weft__a->a2, weft__a->a3, weft__a->a4, weft__a->a5))
#define WEFT__TASK_13(name, T1, a1, T2, a2, T3, a3, T4, a4, T5, a5, T6, a6)                             \
	WEFT__TASK_DEFINE(name, (T1 a1; T2 a2; T3 a3; T4 a4; T5 a5; T6 a6;),                            \
		(T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6),                                             \
		(WEFT__START(name, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6) {                          \
			struct weft__args_##name weft__s;                                               \
			weft__s.a1 = a1;                                                                \
			weft__s.a2 = a2;                                                                \
			weft__s.a3 = a3;                                                                \
			weft__s.a4 = a4;                                                                \
			weft__s.a5 = a5;                                                                \
			weft__s.a6 = a6;                                                                \
			WEFT__START_END(name)                                                           \
		}),                                                                                     \
		(weft__a->a1, weft__a->a2, weft__a->a3, weft__a->a4, weft__a->a5, weft__a->a6))

WEFT_EXTERN_C_END

#endif /* WEFT_TASK_H */

/*
 * weft/sync.h - waiting for each other: wait group, once, semaphore.
 *
 * All are plain structs that live in the caller's memory. Zeroed memory is a valid object that nobody waits
 * on, and needs no finish. Each may be freed by a waiter as soon as its call has returned. The calls of this
 * header work from any thread; those that wait park a task. The forms _until and _ctx return -ETIMEDOUT at
 * the deadline and the error of the context; all forms that wait return -ENOMEM or -EAGAIN on a plain thread
 * that cannot be made known to weft, as weft_go.
 *
 *     weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
 *     for (int i = 0; i < 10; i++)
 *         if (weft_waitgroup_go(&wg, work, &jobs[i]) < 0)
 *             work(&jobs[i]);                  // no memory for a task: do it here
 *     weft_waitgroup_wait(&wg);
 */
#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H

#include <weft/base.h>
#include <weft/task.h>

WEFT_EXTERN_C_BEGIN

/*
 * WaitGroup: a counter of what still runs; waiting ends when it is zero. Zeroed memory is a valid group with
 * counter 0. It may be freed or reused by the waiter as soon as its wait has returned 0.
 * Misuse panics: a negative counter; an add from zero that is concurrent with a wait; more than 2^31-1.
 */
typedef struct weft_waitgroup {
	uint64_t weft__state;
	uint32_t weft__lock;
	uint32_t weft__reserved;
	void *weft__waiters;
} weft_waitgroup_t;
#define WEFT_WAITGROUP_INIT                                                                                  \
	{                                                                                                    \
		0, 0, 0, NULL                                                                                \
	}

/*
 * Adds delta, which may be negative, to the counter; at zero all waiters go on. Any thread; never parks.
 * An add that starts from zero must happen before the wait that is to see it.
 * Memory order: release; a wait that returns 0 for it acquires. Cost: one locked operation.
 */
WEFT_API void weft_waitgroup_add(weft_waitgroup_t *wg, int delta);
/* Its part after the addition, for what is not a plain count up or down; before: the state that it found. */
WEFT_API void weft__waitgroup_added(weft_waitgroup_t *wg, uint64_t before, int delta);
WEFT_UNUSED static inline void weft__waitgroup_add(weft_waitgroup_t *wg, int delta)
{
	uint64_t before =
		__atomic_fetch_add(&wg->weft__state, (uint64_t)(int64_t)delta << 32, __ATOMIC_ACQ_REL);

	/* Waiters, or a counter that was or is out of range: negative numbers are large ones. */
	if (__builtin_expect((uint32_t)before != 0, 0) ||
		__builtin_expect((before >> 32) + (uint64_t)(int64_t)delta > INT32_MAX, 0))
		weft__waitgroup_added(wg, before, delta);
}
#define weft_waitgroup_add(wg, delta) weft__waitgroup_add((wg), (delta))

/* As weft_waitgroup_add(wg, -1). */
WEFT_API void weft_waitgroup_done(weft_waitgroup_t *wg);
#define weft_waitgroup_done(wg) weft__waitgroup_add((wg), -1)

/*
 * Waits until the counter is zero. Returns 0; on a plain thread that weft does not know yet also -ENOMEM or
 * -EAGAIN, as weft_go. Any thread; parks a task.
 */
WEFT_API int weft_waitgroup_wait(weft_waitgroup_t *wg);
WEFT_UNUSED static inline int weft__waitgroup_wait(weft_waitgroup_t *wg)
{
	if (__builtin_expect(__atomic_load_n(&wg->weft__state, __ATOMIC_ACQUIRE) >> 32 == 0, 1))
		return 0;
	return weft_waitgroup_wait(wg);
}
#define weft_waitgroup_wait(wg) weft__waitgroup_wait(wg)

/* As weft_waitgroup_wait, or until the deadline: -ETIMEDOUT. Any thread; parks a task. */
WEFT_API int weft_waitgroup_wait_until(weft_waitgroup_t *wg, weft_time_t deadline);
/* As weft_waitgroup_wait, or until the context is cancelled: its error. Any thread; parks a task. */
WEFT_API int weft_waitgroup_wait_ctx(weft_waitgroup_t *wg, weft_context_t *ctx);

/*
 * Adds one and starts fn(arg) as a task that takes it off when fn has returned. Returns as weft_go; on
 * failure the counter is as before.
 */
WEFT_API int weft_waitgroup_go(weft_waitgroup_t *wg, weft_fn_t *fn, void *arg);
#define weft_waitgroup_go(wg, fn, arg) weft__waitgroup_go_at((wg), (fn), (arg), WEFT_HERE)

/* The same for a typed task: WEFT_WAITGROUP_GO(&wg, name, x1, x2, ...), as WEFT_GO (weft/task.h). */
#define WEFT_WAITGROUP_GO(wg, ...) WEFT__CAT(WEFT__WAITGROUP_GO_, WEFT__COUNT(__VA_ARGS__))((wg), __VA_ARGS__)
#define WEFT__WAITGROUP_GO_1(wg, name) weft__go_##name(WEFT_HERE, wg)
#define WEFT__WAITGROUP_GO_2(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)
#define WEFT__WAITGROUP_GO_3(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)
#define WEFT__WAITGROUP_GO_4(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)
#define WEFT__WAITGROUP_GO_5(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)
#define WEFT__WAITGROUP_GO_6(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)
#define WEFT__WAITGROUP_GO_7(wg, name, ...) weft__go_##name(WEFT_HERE, wg, __VA_ARGS__)

/*
 * Once: a function that runs one time, whoever comes first.
 */
typedef struct weft_once {
	uint32_t weft__state; /* 2: done */
	uint32_t weft__lock;
	void *weft__waiters;
	uint64_t weft__runner; /* who runs fn */
} weft_once_t;
#define WEFT_ONCE_INIT                                                                                       \
	{                                                                                                    \
		0, 0, NULL, 0                                                                                \
	}

WEFT_API int weft__once_slow(
	weft_once_t *once, weft_fn_t *fn, void *arg, weft_time_t deadline, weft_context_t *ctx);
WEFT_UNUSED static inline int weft__once_done(const weft_once_t *once)
{
	return __builtin_expect(__atomic_load_n(&once->weft__state, __ATOMIC_ACQUIRE) == 2, 1) != 0;
}

/*
 * Runs fn(arg) in the caller if no call has yet, else waits until it has returned; 0 then. Deadline and
 * context bound only the wait for another's fn: -ETIMEDOUT, or the error of the context; fn goes on then.
 * With a context that is cancelled already fn is not begun. Any thread; parks a task while another runs fn;
 * fn may park. Panics when it is called for the same once by the task that runs fn. Memory order: all that fn
 * did happens before any call returns 0. Cost when it is done: one load.
 */
WEFT_UNUSED static inline int weft_once_do(weft_once_t *once, weft_fn_t *fn, void *arg)
{
	return weft__once_done(once) ? 0 : weft__once_slow(once, fn, arg, WEFT_NEVER, NULL);
}
WEFT_UNUSED static inline int weft_once_do_until(
	weft_once_t *once, weft_fn_t *fn, void *arg, weft_time_t deadline)
{
	return weft__once_done(once) ? 0 : weft__once_slow(once, fn, arg, deadline, NULL);
}
WEFT_UNUSED static inline int weft_once_do_ctx(
	weft_once_t *once, weft_fn_t *fn, void *arg, weft_context_t *ctx)
{
	return ctx == NULL && weft__once_done(once) ? 0 : weft__once_slow(once, fn, arg, WEFT_NEVER, ctx);
}

/* A value that is made by the first who asks for it. (No tag: the function below has the name.) */
typedef struct {
	weft_once_t weft__once;
	void *weft__value;
} weft_once_value_t;
#define WEFT_ONCE_VALUE_INIT                                                                                 \
	{                                                                                                    \
		WEFT_ONCE_INIT, NULL                                                                         \
	}

/*
 * *value = what fn(arg) returned the one time that it ran: 0. Else, and in all the rest, as weft_once_do;
 * after an error *value is as before.
 */
WEFT_API int weft_once_value(weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **value);
WEFT_API int weft_once_value_until(
	weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **value, weft_time_t deadline);
WEFT_API int weft_once_value_ctx(
	weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **value, weft_context_t *ctx);

/*
 * Semaphore: a number of permits, taken and given back in any amounts. Strictly first come, first served: who
 * asks for many is not overtaken by those who ask for few. Zeroed memory has no permits;
 * WEFT_SEMAPHORE_INIT(n) has n.
 */
typedef struct weft_semaphore {
	int64_t weft__size;
	int64_t weft__taken;
	uint32_t weft__lock;
	uint32_t weft__reserved;
	void *weft__waiters;
} weft_semaphore_t;
#define WEFT_SEMAPHORE_INIT(n)                                                                               \
	{                                                                                                    \
		(n), 0, 0, 0, NULL                                                                           \
	}

/*
 * Takes n permits: 0. A request for more than the semaphore has in all waits as long as it may, and does not
 * keep others from what there is. Panics when n is negative. Any thread; parks a task. Memory order: acquires
 * what the releases of its permits released. Cost when they are there: one locked operation.
 */
WEFT_API int weft_semaphore_acquire(weft_semaphore_t *semaphore, int64_t n);
WEFT_API int weft_semaphore_acquire_until(weft_semaphore_t *semaphore, int64_t n, weft_time_t deadline);
WEFT_API int weft_semaphore_acquire_ctx(weft_semaphore_t *semaphore, int64_t n, weft_context_t *ctx);

/* Takes n permits: 0, or -EAGAIN when it would have to wait. Any thread; never parks. */
WEFT_API int weft_semaphore_try_acquire(weft_semaphore_t *semaphore, int64_t n);

/*
 * Gives n permits back; who waits and can have them now goes on. Panics when more are given back than are
 * taken, or n is negative. Any thread; never parks. Memory order: release.
 */
WEFT_API void weft_semaphore_release(weft_semaphore_t *semaphore, int64_t n);

WEFT_EXTERN_C_END

#endif /* WEFT_SYNC_H */

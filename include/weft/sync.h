/*
 * weft/sync.h - waiting for each other.
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
#define WEFT_WAITGROUP_INIT { 0, 0, 0, NULL }

/*
 * Adds delta, which may be negative, to the counter; at zero all waiters go on. Any thread; never parks.
 * An add that starts from zero must happen before the wait that is to see it.
 * Memory order: release; a wait that returns 0 for it acquires. Cost: one locked operation.
 */
WEFT_API void weft_waitgroup_add(weft_waitgroup_t *wg, int delta);

/* As weft_waitgroup_add(wg, -1). */
WEFT_API void weft_waitgroup_done(weft_waitgroup_t *wg);

/*
 * Waits until the counter is zero. Returns 0; on a plain thread that weft does not know yet also -ENOMEM or
 * -EAGAIN, as weft_go. Any thread; parks a task.
 */
WEFT_API int weft_waitgroup_wait(weft_waitgroup_t *wg);

/* As weft_waitgroup_wait, or until the deadline: -ETIMEDOUT. Any thread; parks a task. */
WEFT_API int weft_waitgroup_wait_until(weft_waitgroup_t *wg, weft_time_t deadline);
/* As weft_waitgroup_wait, or until the context is cancelled: its error. Any thread; parks a task. */
WEFT_API int weft_waitgroup_wait_ctx(weft_waitgroup_t *wg, weft_context_t *ctx);

/*
 * Adds one and starts fn(arg) as a task that takes it off when fn has returned. Returns as weft_go; on
 * failure the counter is as before.
 */
WEFT_API int weft_waitgroup_go(weft_waitgroup_t *wg, weft_fn_t *fn, void *arg);
WEFT_API int weft__waitgroup_go_at(weft_waitgroup_t *wg, weft_fn_t *fn, void *arg, const char *site);
#define weft_waitgroup_go(wg, fn, arg) weft__waitgroup_go_at((wg), (fn), (arg), WEFT_HERE)

WEFT_EXTERN_C_END

#endif /* WEFT_SYNC_H */

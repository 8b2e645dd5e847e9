/*
 * weft/context.h - cancellation: one word to a whole tree of work that it should stop.
 *
 *     weft_context_t *ctx = weft_context_create_timeout(NULL, WEFT_S(2));
 *     weft_waitgroup_go(&wg, serve, ctx);      // blocks in WEFT_RECV_CTX(requests, &r, ctx) and the like
 *     ...
 *     weft_context_cancel(ctx);                // all that blocks with ctx returns -ECANCELED
 *     weft_waitgroup_wait(&wg);
 *     weft_context_destroy(ctx);
 *
 * A context is cancelled once: by weft_context_cancel, by its deadline, or because its parent is. Calls with
 * a context return -ECANCELED then, or -ETIMEDOUT when the reason was a deadline. NULL stands for the
 * background: a context that is never cancelled, has no deadline and no values.
 *
 * Lifetime. A context is a counted handle. What create returns is one count; weft_context_destroy cancels and
 * gives it up. A child keeps what it needs of its parent, and a call that waits with a context keeps it until
 * it returns. But a call must begin with a handle that somebody holds: the owner waits for the tasks that use
 * it before he gives up his count, as above, or each of them has a count of its own (weft_context_retain,
 * before it is started).
 *
 * Memory order: what happens before a cancel happens before any call that returns because of it, and before a
 * weft_context_err that tells of it.
 */
#ifndef WEFT_CONTEXT_H
#define WEFT_CONTEXT_H

#include <weft/base.h>
#include <weft/task.h>

WEFT_EXTERN_C_BEGIN

/*
 * A child of parent (NULL: of the background) that can be cancelled; NULL: no memory. Any thread; never
 * parks. If the parent is cancelled already, so is the child. Cost: an allocation, the parent's lock.
 */
WEFT_API weft_context_t *weft_context_create(weft_context_t *parent);
/*
 * The same, cancelled with -ETIMEDOUT at the deadline. WEFT_NEVER and a parent's earlier deadline are fine.
 */
WEFT_API weft_context_t *weft_context_create_until(weft_context_t *parent, weft_time_t deadline);
/* The same with a duration from now. */
WEFT_API weft_context_t *weft_context_create_timeout(weft_context_t *parent, int64_t duration_ns);
/*
 * A child in which key has a value; keys are compared as pointers, so the address of a static variable is a
 * good one. The value is the caller's and must live as long as the context and its descendants.
 */
WEFT_API weft_context_t *weft_context_create_value(weft_context_t *parent, const void *key, void *value);
/* A child with the parent's values that is not cancelled with it and has no deadline. */
WEFT_API weft_context_t *weft_context_create_detached(weft_context_t *parent);

/*
 * One more count of the handle, to be given up by weft_context_release or _destroy. Returns ctx; NULL is
 * fine.
 */
WEFT_API weft_context_t *weft_context_retain(weft_context_t *ctx);
/* Gives up a count; cancels nothing. A context that nobody holds any more is not cancelled by its parent. */
WEFT_API void weft_context_release(weft_context_t *ctx);
/* weft_context_cancel and weft_context_release. NULL is fine. Any thread; never parks. */
WEFT_API void weft_context_destroy(weft_context_t *ctx);

/*
 * Cancels ctx and its descendants; nothing when it is cancelled already, or NULL. It waits for nobody. When
 * it returns every descendant has been told; or, when it was cancelled already, is being told by the call
 * that did it. Any thread; never parks. Cost: in proportion to descendants and waiters; no lock is held for
 * more than 64 of them at a time.
 */
WEFT_API void weft_context_cancel(weft_context_t *ctx);
/*
 * The same with a reason for weft_context_cause: any int but 0, for instance a negative errno. 0: -ECANCELED.
 */
WEFT_API void weft_context_cancel_cause(weft_context_t *ctx, int cause);

/* 0 while it is not cancelled; else -ECANCELED or -ETIMEDOUT. Any thread; one load. */
WEFT_API int weft_context_err(const weft_context_t *ctx);
/*
 * 0 while it is not cancelled; else why: what the first cancel gave, down from the ancestor that was
 * cancelled.
 */
WEFT_API int weft_context_cause(const weft_context_t *ctx);
/* The earliest deadline of ctx and its ancestors; WEFT_NEVER: none. Any thread; one load. */
WEFT_API weft_time_t weft_context_deadline(const weft_context_t *ctx);
/* The value of key in ctx or its nearest ancestor that has one; NULL: none. Cost: the depth of values. */
WEFT_API void *weft_context_value(const weft_context_t *ctx, const void *key);

/*
 * Waits until ctx is cancelled: 0, or -ETIMEDOUT at the deadline; else as weft_go. Any thread; parks a task.
 */
WEFT_API int weft_context_wait_until(weft_context_t *ctx, weft_time_t deadline);
WEFT_API int weft_context_wait(weft_context_t *ctx);

/*
 * Runs fn(arg) as a new task when ctx is cancelled, at once if it is already. The memory of `after` is the
 * caller's; it may be reused when fn has begun or weft_context_after_stop has returned 1. Returns 0, or as
 * weft_go. Any thread; never parks.
 */
typedef struct weft_after {
	void *weft__opaque[16];
} weft_after_t;
WEFT_API int weft_context_after(weft_context_t *ctx, weft_after_t *after, weft_fn_t *fn, void *arg);
/*
 * 1: fn will not run. 0: it was started, or is being started, or was never set (a zeroed `after`). Does not
 * wait for fn. The context must not be freed meanwhile.
 */
WEFT_API int weft_context_after_stop(weft_after_t *after);

/* ---- what task.h blocks in, with a context ---- */

/* As weft_sleep; the error of the context when it is cancelled, or was before. Any thread; parks a task. */
WEFT_API int weft_sleep_ctx(int64_t duration_ns, weft_context_t *ctx);

/* As weft_fd_wait, with a context in the place of the deadline. Any thread; parks a task. */
WEFT_API int weft_fd_wait_ctx(int fd, unsigned events, weft_context_t *ctx);

/* As weft_ticker_wait, with a context instead of the deadline. Any thread, one at a time; parks a task. */
WEFT_API int weft_ticker_wait_ctx(weft_ticker_t *ticker, weft_context_t *ctx);

WEFT_EXTERN_C_END

#endif /* WEFT_CONTEXT_H */

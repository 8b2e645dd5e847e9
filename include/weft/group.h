/*
 * weft/group.h - tasks that belong together: the error group, and the scope that none of them outlives.
 *
 *     static int fetch(weft_context_t *ctx, void *url);   // 0, or an error
 *
 *     WEFT_SCOPE(scope, ctx);
 *     for (int i = 0; i < n; i++)
 *         if ((err = weft_scope_go(&scope, fetch, urls[i])) != 0) {
 *             weft_scope_cancel(&scope);
 *             return err;                      // leaving the block waits for those that run
 *         }
 *     return weft_scope_end(&scope);           // the first error; it has cancelled the others
 */
#ifndef WEFT_GROUP_H
#define WEFT_GROUP_H

#include <weft/base.h>
#include <weft/context.h>
#include <weft/sync.h>

WEFT_EXTERN_C_BEGIN

/*
 * What a group or a scope runs. ctx is the group's context (NULL: it has none). Returns 0, or an error: any
 * other int.
 */
typedef int weft_group_fn_t(weft_context_t *ctx, void *arg);

/*
 * Error group: starts tasks, keeps the first error, waits for all. Zeroed memory is a group without context
 * and without limit. It may be freed when a wait has returned, but for a wait that came to its limit.
 */
typedef struct weft_group {
	weft_waitgroup_t weft__tasks;
	weft_semaphore_t weft__slots;
	weft_context_t *weft__context;
	int32_t weft__error;   /* the first */
	int32_t weft__limited; /* to the slots */
	int32_t weft__enough;  /* -ECANCELED is no error any more */
	int32_t weft__reserved[3];
} weft_group_t;
#define WEFT_GROUP_INIT                                                                                      \
	{                                                                                                    \
		WEFT_WAITGROUP_INIT, WEFT_SEMAPHORE_INIT(0), NULL, 0, 0, 0,                                  \
		{                                                                                            \
			0, 0, 0                                                                              \
		}                                                                                            \
	}

/*
 * Makes a group with a context, a child of parent, that is cancelled with the first error as its cause, and
 * when a wait returns: 0, or -ENOMEM and a group without context. Must be followed by a wait, which frees the
 * context. Any thread; never parks.
 */
WEFT_API int weft_group_init(weft_group_t *group, weft_context_t *parent);

/* The group's context; NULL when it has none. Valid until a wait returns. Any thread; one load. */
WEFT_API weft_context_t *weft_group_context(const weft_group_t *group);

/*
 * Lets at most n tasks of the group run at a time (0: none can start); negative: any number. Panics while
 * tasks of it are active.
 */
WEFT_API void weft_group_set_limit(weft_group_t *group, int n);

/*
 * Starts fn(ctx, arg) as a task when the limit allows it: 0, or as weft_go; _until and _ctx also -ETIMEDOUT
 * and the context's error when the limit did not allow it until then; try: -EAGAIN when it does not allow it
 * now. They bound the wait for the limit, not the task, which gets the group's context; but with a context
 * that is cancelled already nothing is started. Any thread; parks a task for the limit only. Memory order and
 * cost: as weft_waitgroup_go.
 */
WEFT_API int weft_group_go(weft_group_t *group, weft_group_fn_t *fn, void *arg);
WEFT_API int weft_group_go_until(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_time_t deadline);
WEFT_API int weft_group_go_ctx(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_context_t *ctx);
WEFT_API int weft_group_try_go(weft_group_t *group, weft_group_fn_t *fn, void *arg);
WEFT_API int weft__group_go_at(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_time_t deadline,
	weft_context_t *ctx, const char *site);
WEFT_API int weft__group_try_go_at(weft_group_t *group, weft_group_fn_t *fn, void *arg, const char *site);
#define weft_group_go(group, fn, arg) weft__group_go_at((group), (fn), (arg), WEFT_NEVER, NULL, WEFT_HERE)
#define weft_group_go_until(group, fn, arg, deadline)                                                        \
	weft__group_go_at((group), (fn), (arg), (deadline), NULL, WEFT_HERE)
#define weft_group_go_ctx(group, fn, arg, ctx)                                                               \
	weft__group_go_at((group), (fn), (arg), WEFT_NEVER, (ctx), WEFT_HERE)
#define weft_group_try_go(group, fn, arg) weft__group_try_go_at((group), (fn), (arg), WEFT_HERE)

/*
 * Waits until all tasks of the group have returned, cancels and frees its context, and returns the first
 * error, 0 when there was none. _until and _ctx: -ETIMEDOUT or the context's error, when that comes first;
 * then the group goes on and must be waited for again (weft_group_error tells a task's error from this). On a
 * plain thread that weft does not know yet also -ENOMEM or -EAGAIN, likewise. Panics when a task of the group
 * calls the form without limit. Any thread; parks a task. Memory order: as weft_waitgroup_wait.
 */
WEFT_API int weft_group_wait(weft_group_t *group);
WEFT_API int weft_group_wait_until(weft_group_t *group, weft_time_t deadline);
WEFT_API int weft_group_wait_ctx(weft_group_t *group, weft_context_t *ctx);

/*
 * The first error of a task so far; 0: none. Kept until the group is initialised anew. Any thread; one load.
 */
WEFT_API int weft_group_error(const weft_group_t *group);

/*
 * Scope: a block that ends only when all tasks that were started in it have ended. When one fails the others
 * are cancelled. Tasks of a scope may start more in it, also while its end waits.
 */
typedef struct weft_scope {
	weft_group_t weft__group;
	const char *weft__site;
	int32_t weft__state;
	int32_t weft__result;
} weft_scope_t;

/*
 * Declares the scope `name`, begun with parent. Leaving the block in any way ends it (weft_scope_end): it
 * waits for the tasks. Who leaves early because the rest is not wanted cancels them first
 * (weft_scope_cancel).
 */
#define WEFT_SCOPE(name, parent)                                                                             \
	weft_scope_t name __attribute__((cleanup(weft__scope_leave)));                                       \
	(void)weft_scope_begin(&name, (parent))

/*
 * Begins a scope by hand; every begin needs its end. 0, or -ENOMEM; then weft_scope_go and weft_scope_end
 * return the same. Any thread; never parks.
 */
WEFT_API int weft_scope_begin(weft_scope_t *scope, weft_context_t *parent);
WEFT_API int weft__scope_begin_at(weft_scope_t *scope, weft_context_t *parent, const char *site);
#define weft_scope_begin(scope, parent) weft__scope_begin_at((scope), (parent), WEFT_HERE)

/*
 * Starts fn(context of the scope, arg) as a task: 0, or as weft_go; -ECANCELED once the scope has ended. For
 * the block's own task and for tasks of the scope; never parks. Memory order and cost: as weft_waitgroup_go.
 */
WEFT_API int weft_scope_go(weft_scope_t *scope, weft_group_fn_t *fn, void *arg);
WEFT_API int weft__scope_go_at(weft_scope_t *scope, weft_group_fn_t *fn, void *arg, const char *site);
#define weft_scope_go(scope, fn, arg) weft__scope_go_at((scope), (fn), (arg), WEFT_HERE)

/*
 * The scope's context, for calls of the block itself. Valid until the scope has ended, NULL after that and
 * when there was no memory.
 */
WEFT_API weft_context_t *weft_scope_context(const weft_scope_t *scope);

/*
 * Cancels the tasks of the scope: it has had enough. Its end still waits for them; that they return
 * -ECANCELED from now on is no error of the scope. Any thread; never parks.
 */
WEFT_API void weft_scope_cancel(weft_scope_t *scope);

/*
 * Waits for all tasks of the scope and returns the first error, 0 when there was none. A second end returns
 * the same at once. Panics when one of the scope's own tasks ends it. Any thread; parks a task. Memory order:
 * as weft_waitgroup_wait.
 */
WEFT_API int weft_scope_end(weft_scope_t *scope);

/*
 * The same with a deadline, or a context: when it comes first, the tasks that still run are named on stderr
 * (id, name, what they wait for, where they were started; 50 at most) and cancelled. Then it waits on without
 * limit, for no task may outlive its scope. Returns -ETIMEDOUT, or the context's error, when it came to that.
 */
WEFT_API int weft_scope_end_until(weft_scope_t *scope, weft_time_t deadline);
WEFT_API int weft_scope_end_ctx(weft_scope_t *scope, weft_context_t *ctx);
WEFT_API void weft__scope_leave(weft_scope_t *scope);

WEFT_EXTERN_C_END

#endif /* WEFT_GROUP_H */

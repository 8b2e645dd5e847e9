/*
 * scope.c - Scope: an error group that the end of a block waits for.
 *
 * state: OPEN from begin on; NO_MEMORY when there was none for the context, and nothing is started; ENDED
 * once the last task has ended. Only the block's own task changes it. Tasks of the scope that start more keep
 * the counter above zero while they do, so they see OPEN and the wait goes on.
 *
 * An end that comes to its limit lists the tasks of the scope from the slabs, by their debt; they go on
 * meanwhile. It lists them before it cancels: afterwards they would be on their way out, and not say what
 * they had been waiting for.
 */
#include "sync/context.h"
#include "sync/group.h"

enum { OPEN, NO_MEMORY, ENDED };

enum { LISTED = 50 };

/* ---- who still runs ---- */

struct listing {
	const weft_scope_t *scope;
	int err;
	unsigned count;
	uint32_t now_ms;
};

/* The debt of a task that is being started or ends is read as it is. */
__attribute__((no_sanitize("thread"))) static void list_one(struct weft__task *t, void *arg)
{
	struct listing *listing = arg;
	char line[512];

	if (!group_has(&listing->scope->weft__group, t))
		return;
	if (listing->count++ == 0)
		weft__warn("scope begun at %s: %s; it waits on for the tasks that it cancels:",
			listing->scope->weft__site, weft_strerror(listing->err));
	if (listing->count > LISTED)
		return;
	weft__task_line(line, sizeof line, t, listing->now_ms);
	weft__warn("%s", line);
}

static COLD void list(const weft_scope_t *s, int err)
{
	struct listing listing = { s, err, 0, (uint32_t)(weft__os_now() / 1000000) };

	weft__task_each(list_one, &listing);
	if (listing.count > LISTED)
		weft__warn("  and %u more", listing.count - LISTED);
}

/* ---- the scope ---- */

int weft__scope_begin_at(weft_scope_t *scope, weft_context_t *parent, const char *site)
{
	int err;

	*scope = (weft_scope_t){ .weft__site = site };
	err = weft_group_init(&scope->weft__group, parent);
	at_store(&scope->weft__state, err == 0 ? OPEN : NO_MEMORY, RELAXED);
	return err;
}

int(weft_scope_begin)(weft_scope_t *scope, weft_context_t *parent)
{
	return weft__scope_begin_at(scope, parent, "?");
}

int weft__scope_go_at(weft_scope_t *scope, weft_group_fn_t *fn, void *arg, const char *site)
{
	int32_t state = at_load(&scope->weft__state, RELAXED);

	if (unlikely(state != OPEN))
		return state == ENDED ? -ECANCELED : -ENOMEM;
	return weft__group_try_go_at(&scope->weft__group, fn, arg, site);
}

int(weft_scope_go)(weft_scope_t *scope, weft_group_fn_t *fn, void *arg)
{
	return weft__scope_go_at(scope, fn, arg, "?");
}

weft_context_t *weft_scope_context(const weft_scope_t *scope)
{
	return weft_group_context(&scope->weft__group);
}

void weft_scope_cancel(weft_scope_t *scope)
{
	/* Release, before the cancel: pairs with the look in group.c. */
	at_store(&scope->weft__group.weft__enough, 1, RELEASE);
	weft_context_cancel(weft_scope_context(scope));
}

/* Waits with limits until the tasks have ended: 0, or why not. */
static int wait(weft_waitgroup_t *tasks, weft_time_t deadline, weft_context_t *ctx)
{
	for (;;) {
		int err = ctx != NULL ? weft_waitgroup_wait_ctx(tasks, ctx)
				      : weft_waitgroup_wait_until(tasks, deadline);
		/* A plain thread for whose record there is no memory: the scope must not end all the same. */
		if (likely(err != -ENOMEM && err != -EAGAIN))
			return err;
		weft__os_thread_yield();
	}
}

static int end(weft_scope_t *s, weft_time_t deadline, weft_context_t *ctx)
{
	weft_waitgroup_t *tasks = &s->weft__group.weft__tasks;
	int32_t state = at_load(&s->weft__state, RELAXED);
	int limit_err, err;

	if (state == ENDED)
		return s->weft__result;
	if (unlikely(group_is_mine(&s->weft__group)))
		weft__panic("weft_scope_end: scope %p, begun at %s: ended by one of its own tasks", (void *)s,
			s->weft__site);
	limit_err = wait(tasks, deadline, ctx);
	if (unlikely(limit_err != 0)) {
		list(s, limit_err);
		weft_scope_cancel(s);
		(void)wait(tasks, WEFT_NEVER, NULL);
	}
	err = weft__group_finish(&s->weft__group);
	s->weft__result = limit_err != 0 ? limit_err : state == NO_MEMORY ? -ENOMEM : err;
	at_store(&s->weft__state, ENDED, RELAXED);
	return s->weft__result;
}

int weft_scope_end(weft_scope_t *scope)
{
	return end(scope, WEFT_NEVER, NULL);
}

int weft_scope_end_until(weft_scope_t *scope, weft_time_t deadline)
{
	return end(scope, deadline, NULL);
}

int weft_scope_end_ctx(weft_scope_t *scope, weft_context_t *ctx)
{
	return end(scope, WEFT_NEVER, ctx);
}

void weft__scope_leave(weft_scope_t *scope)
{
	(void)weft_scope_end(scope);
}

/*
 * group.c - the error group: a wait group, a context, the first error, and a semaphore for the limit.
 *
 * A task of the group owes to its wait group (struct weft__debt), so nothing has to be done for it after its
 * function. Within it, before it ends, it leaves its error and gives its slot back; after that nobody but the
 * wait group touches the group, and the wait group allows that a waiter frees it at once.
 *
 * The first error is the one that swaps `error` from 0; only then is the context cancelled, so who is
 * cancelled finds the error.
 *
 * enough: the scope that the group belongs to was cancelled by its user, so tasks that say so have not
 * failed. It is set before the context is cancelled: who returns the context's error finds it set.
 *
 * A slot is taken before the task is counted: a call that waits for one is not a task of the group yet.
 */
#include "sync/group.h"

#include "sync/context.h"

struct member {
	weft_group_t *group;
	weft_group_fn_t *fn;
	void *arg;
};

static weft_context_t *context(const weft_group_t *g)
{
	return at_load(&g->weft__context, RELAXED);
}

static void run(void *arg)
{
	const struct member *m = arg;
	weft_group_t *g = m->group;
	int err = m->fn(context(g), m->arg);

	if (unlikely(err != 0) && !(err == -ECANCELED && at_load(&g->weft__enough, ACQUIRE))) {
		int32_t none = 0;
		/* Release: what fn did; pairs with weft_group_error. */
		if (at_cas(&g->weft__error, &none, err, RELEASE, RELAXED))
			weft_context_cancel_cause(context(g), err);
	}
	if (g->weft__limited)
		weft_semaphore_release(&g->weft__slots, 1);
}

/* The caller has a slot, if the group has a limit. */
static int start(weft_group_t *g, weft_group_fn_t *fn, void *arg, const char *site)
{
	struct member m = { g, fn, arg };
	struct weft__debt debt = { weft__waitgroup_settle, &g->weft__tasks };
	int err;

	weft_waitgroup_add(&g->weft__tasks, 1);
	err = weft__go(&(struct weft__start){
		.fn = run, .copy = &m, .copy_size = sizeof m, .debt = &debt, .site = site });
	if (unlikely(err != 0)) {
		if (g->weft__limited)
			weft_semaphore_release(&g->weft__slots, 1);
		weft_waitgroup_done(&g->weft__tasks);
	}
	return err;
}

int weft_group_init(weft_group_t *group, weft_context_t *parent)
{
	*group = (weft_group_t)WEFT_GROUP_INIT;
	group->weft__context = weft_context_create(parent);
	return group->weft__context != NULL ? 0 : -ENOMEM;
}

weft_context_t *weft_group_context(const weft_group_t *group)
{
	return context(group);
}

void weft_group_set_limit(weft_group_t *group, int n)
{
	uint64_t active = at_load(&group->weft__tasks.weft__state, RELAXED) >> 32;

	if (unlikely(active != 0))
		weft__panic("weft_group_set_limit: group %p: %u tasks of it are active", (void *)group,
			(unsigned)active);
	group->weft__limited = n >= 0;
	group->weft__slots = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(n >= 0 ? n : 0);
}

int weft__group_go_at(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_time_t deadline,
	weft_context_t *ctx, const char *site)
{
	int err = weft_context_err(ctx);

	if (err == 0 && group->weft__limited)
		err = ctx != NULL ? weft_semaphore_acquire_ctx(&group->weft__slots, 1, ctx)
				  : weft_semaphore_acquire_until(&group->weft__slots, 1, deadline);
	return err != 0 ? err : start(group, fn, arg, site);
}

int weft__group_try_go_at(weft_group_t *group, weft_group_fn_t *fn, void *arg, const char *site)
{
	if (group->weft__limited && weft_semaphore_try_acquire(&group->weft__slots, 1) != 0)
		return -EAGAIN;
	return start(group, fn, arg, site);
}

int(weft_group_go)(weft_group_t *group, weft_group_fn_t *fn, void *arg)
{
	return weft__group_go_at(group, fn, arg, WEFT_NEVER, NULL, "?");
}

int(weft_group_go_until)(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_time_t deadline)
{
	return weft__group_go_at(group, fn, arg, deadline, NULL, "?");
}

int(weft_group_go_ctx)(weft_group_t *group, weft_group_fn_t *fn, void *arg, weft_context_t *ctx)
{
	return weft__group_go_at(group, fn, arg, WEFT_NEVER, ctx, "?");
}

int(weft_group_try_go)(weft_group_t *group, weft_group_fn_t *fn, void *arg)
{
	return weft__group_try_go_at(group, fn, arg, "?");
}

int weft__group_finish(weft_group_t *group)
{
	/* Several may wait. */
	weft_context_destroy(at_xchg(&group->weft__context, NULL, ACQ_REL));
	return weft_group_error(group);
}

int weft_group_wait(weft_group_t *group)
{
	int err;

	if (unlikely(group_is_mine(group)))
		weft__panic(
			"weft_group_wait: group %p: called by a task of the group, for which it would wait",
			(void *)group);
	err = weft_waitgroup_wait(&group->weft__tasks);
	return err != 0 ? err : weft__group_finish(group);
}

int weft_group_wait_until(weft_group_t *group, weft_time_t deadline)
{
	int err = weft_waitgroup_wait_until(&group->weft__tasks, deadline);

	return err != 0 ? err : weft__group_finish(group);
}

int weft_group_wait_ctx(weft_group_t *group, weft_context_t *ctx)
{
	int err = weft_waitgroup_wait_ctx(&group->weft__tasks, ctx);

	return err != 0 ? err : weft__group_finish(group);
}

int weft_group_error(const weft_group_t *group)
{
	return at_load(&group->weft__error, ACQUIRE);
}

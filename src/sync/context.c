/*
 * context.c - contexts: a tree of cancel sources (src/sched/cancel.c) with deadlines and values.
 *
 * A context begins with its cancel source. It is linked to its parent as a node of the parent's source and
 * holds a reference on the parent; the parent's list holds none on the child. So:
 *
 *     A child that is linked may be about to die (refs = 0), but its memory stays until it has had the
 *     parent's lock: whoever takes it off under that lock looks at the child's refs under the child's lock
 *     (parent before child).
 *
 * Cancelling sets cause, then error (release), under the lock: once, the first wins. Then the list is emptied
 * in batches of BATCH, with the lock released between them:
 *
 *     waiter    claimed under the lock; made ready after it
 *     child     taken off, with a reference: to the list of contexts still to be told
 *     after     taken off: becomes a task
 *
 * What is linked meanwhile sees the error, so the list only shrinks. The tree is walked with that list and
 * not by calls: it may be deeper than a stack. A child is told by the one who took it off its parent's list,
 * so its field for the list of those to be told has one user. Children are told before cancel returns, unless
 * another call that tells them is under way.
 *
 * The deadline is a timer that starts a task, `expire`. It holds no reference. Who frees the context stops
 * the timer; if it has fired, the task is on its way and comes later, or is here already:
 *
 *     free:   last word = xchg(FREED)  -> WAITING: expire frees it; else free here
 *     expire: takes a reference if there are any left, cancels, gives it back; then
 *             last word = xchg(EXPIRED) -> FREED: it frees the memory
 */
#include "sync/context.h"

#include "base/alloc.h"

enum { BATCH = 64 };

enum last_word { TIMER_WAITING, TIMER_FREED, TIMER_EXPIRED };

struct weft_context {
	struct weft__cancel cancel;
	struct weft__cancel_node node; /* in the parent's list; under the parent's lock */
	weft_context_t *parent;        /* counted; NULL: none */
	weft_context_t *to_tell;       /* list of who cancels */
	int32_t cause;                 /* atomic; written before error */
	uint32_t last_word;            /* atomic */
	bool timed;                    /* has a timer */
	weft_time_t deadline;
	const void *key;
	void *value;
	struct weft__task_timer timer;
};

/* What a weft_after_t holds. */
struct after_call {
	struct weft__cancel_node node; /* under the context's lock */
	weft_context_t *ctx;           /* atomic; counted while it is linked; NULL: not linked */
	struct after_call *next;       /* list of who cancels */
	bool forever;                  /* set on the background */
	struct weft__task_timer timer; /* fn and arg; armed only when there was no memory for the task */
};

_Static_assert(sizeof(struct after_call) <= sizeof(weft_after_t), "weft_after_t holds it");
_Static_assert(offsetof(weft_context_t, cancel) == 0, "limit_ctx relies on it");

static weft_context_t *context_of(struct weft__cancel *cancel)
{
	return container_of(cancel, weft_context_t, cancel);
}

static void put(weft_context_t *ctx)
{
	weft__cancel_put(&ctx->cancel);
}

/* ---- cancelling ---- */

/* What one batch has found. */
struct batch {
	struct weft__list tasks;
	struct weft__cancel_node *threads; /* through prev */
	struct after_call *afters;
	uint32_t references; /* of the afters */
};

/* A child that was just taken off its parent's list: a reference, unless it dies. Parent's lock held. */
static bool take_child(weft_context_t *child)
{
	bool alive;

	lock_acquire(&child->cancel.lock);
	alive = child->cancel.refs != 0;
	child->cancel.refs += alive;
	lock_release(&child->cancel.lock);
	return alive;
}

/* Requires the lock. */
static void take_waiter(struct batch *batch, struct weft__cancel_node *node)
{
	struct weft__waiter *w = node->waiter;
	struct weft__task *t = w->task;

	if (!weft__cancel_claim(node))
		return;
	if (t == NULL) {
		node->prev = batch->threads;
		batch->threads = node;
	} else if (weft__parked(w)) {
		list_add_ready(&batch->tasks, t);
	}
}

/* Takes up to BATCH nodes off; children go to *to_tell. Requires the lock. */
static void take_batch(weft_context_t *ctx, struct batch *batch, weft_context_t **to_tell)
{
	struct weft__cancel_node *node;

	for (int i = 0; i < BATCH && (node = ctx->cancel.first) != NULL; i++) {
		weft__cancel_remove(&ctx->cancel, node);
		switch (node->kind) {
		case CANCEL_WAITER:
			take_waiter(batch, node);
			break;
		case CANCEL_CHILD: {
			weft_context_t *child = container_of(node, weft_context_t, node);
			if (take_child(child)) {
				child->to_tell = *to_tell;
				*to_tell = child;
			}
			break;
		}
		case CANCEL_AFTER: {
			struct after_call *after = container_of(node, struct after_call, node);
			at_store(&after->ctx, NULL, RELEASE);
			after->next = batch->afters;
			batch->afters = after;
			batch->references++;
			break;
		}
		}
	}
}

/* Starts the function; after that its memory may be gone. */
static void start_after(struct weft__thread *self, struct after_call *after)
{
	struct weft__start start = { .fn = after->timer.fn, .arg = after->timer.arg, .site = "a context" };

	if (likely(self != NULL) && likely(weft__spawn(self, &start) == 0))
		return;
	/* The timer tries until there is memory. */
	after->timer.node.when = weft__os_now() + WEFT_MS(1);
	weft__timer_arm(self != NULL ? self->proc : NULL, &after->timer.node);
}

static void let_go(struct weft__thread *self, struct batch *batch)
{
	while (batch->threads != NULL) {
		struct weft__waiter *w = batch->threads->waiter;
		batch->threads = batch->threads->prev;
		weft__ready(self, w);
	}
	while (batch->afters != NULL) {
		struct after_call *after = batch->afters;
		batch->afters = after->next;
		start_after(self, after);
	}
	if (batch->tasks.count == 1)
		weft__make_ready(self, batch->tasks.first);
	else
		weft__make_ready_list(self, &batch->tasks);
}

static void context_free(struct weft__cancel *cancel);

/*
 * Tells one context; its children go to *to_tell. Inside; between the batches the processor may be taken, so
 * the thread may be another one afterwards.
 */
static struct weft__thread *tell(struct weft__thread *self, weft_context_t *ctx, int32_t error, int32_t cause,
	weft_context_t **to_tell)
{
	bool more = false, last;

	lock_acquire(&ctx->cancel.lock);
	if (ctx->cancel.error == 0) {
		at_store(&ctx->cause, cause, RELAXED);
		at_store(&ctx->cancel.error, error, RELEASE); /* pairs with whoever looks without the lock */
		ctx->cancel.refs++; /* who sees the error may give the context up */
		more = true;
	}
	lock_release(&ctx->cancel.lock);
	if (more && ctx->timed && weft__timer_cancel(&ctx->timer.node))
		ctx->timed = false; /* only the first who tells comes here, and then who frees */
	while (more) {
		struct batch batch = { { NULL, NULL, 0 }, NULL, NULL, 0 };
		lock_acquire(&ctx->cancel.lock);
		take_batch(ctx, &batch, to_tell);
		more = ctx->cancel.first != NULL;
		ctx->cancel.refs -= batch.references + !more;
		last = ctx->cancel.refs == 0;
		lock_release(&ctx->cancel.lock);
		let_go(self, &batch);
		if (last)
			context_free(&ctx->cancel);
		if (more && self != NULL) {
			leave(self);
			self = enter();
		}
	}
	return self;
}

/* Cancels ctx and its descendants. ctx need not outlive the moment when it is known to be cancelled. */
static struct weft__thread *cancel_tree(
	struct weft__thread *self, weft_context_t *ctx, int32_t error, int32_t cause)
{
	weft_context_t *to_tell = NULL;

	self = tell(self, ctx, error, cause, &to_tell);
	while (to_tell != NULL) {
		weft_context_t *child = to_tell;
		to_tell = child->to_tell;
		self = tell(self, child, error, cause, &to_tell);
		put(child);
	}
	return self;
}

void weft_context_cancel_cause(weft_context_t *ctx, int cause)
{
	struct weft__thread *self;

	if (ctx == NULL || at_load(&ctx->cancel.error, ACQUIRE) != 0)
		return;
	/* Without memory for a record of this thread it is told all the same. */
	self = known() == 0 ? enter() : NULL;
	self = cancel_tree(self, ctx, -ECANCELED, cause != 0 ? cause : -ECANCELED);
	if (self != NULL)
		leave(self);
}

void weft_context_cancel(weft_context_t *ctx)
{
	weft_context_cancel_cause(ctx, 0);
}

/* ---- life ---- */

static void free_memory(weft_context_t *ctx)
{
	if (ctx->timed && !weft__timer_cancel(&ctx->timer.node) &&
		at_xchg(&ctx->last_word, TIMER_FREED, ACQ_REL) == TIMER_WAITING)
		return;
	weft__free(ctx);
}

/* The last reference of a context is gone. Perhaps it was the last that held its parent, and so on up. */
static void context_free(struct weft__cancel *cancel)
{
	weft_context_t *ctx = context_of(cancel);

	while (ctx != NULL) {
		weft_context_t *parent = ctx->parent;
		bool last = false;
		if (parent != NULL) {
			lock_acquire(&parent->cancel.lock);
			if (ctx->node.next != NULL)
				weft__cancel_remove(&parent->cancel, &ctx->node);
			last = --parent->cancel.refs == 0;
			lock_release(&parent->cancel.lock);
		}
		free_memory(ctx);
		ctx = last ? parent : NULL;
	}
}

/* The task of the deadline. */
static void expire(void *arg)
{
	struct weft__thread *self = enter();
	weft_context_t *ctx = arg;
	bool alive;

	lock_acquire(&ctx->cancel.lock);
	alive = ctx->cancel.refs != 0;
	ctx->cancel.refs += alive;
	lock_release(&ctx->cancel.lock);
	if (alive) {
		self = cancel_tree(self, ctx, -ETIMEDOUT, -ETIMEDOUT);
		put(ctx);
	}
	if (at_xchg(&ctx->last_word, TIMER_EXPIRED, ACQ_REL) == TIMER_FREED)
		weft__free(ctx);
	leave(self);
}

/* Arms the timer of a deadline; false: no memory for the runtime. */
static bool arm(weft_context_t *ctx)
{
	struct weft__thread *self;

	if (known() != 0)
		return false;
	ctx->timed = true;
	ctx->timer.fn = expire;
	ctx->timer.arg = ctx;
	ctx->timer.node.when = ctx->deadline;
	self = enter();
	weft__timer_arm(self->proc, &ctx->timer.node);
	leave(self);
	return true;
}

/* Enters the parent's list, or finds that it is cancelled. The timer may have fired already. */
static void join(weft_context_t *ctx, weft_context_t *parent, bool linked)
{
	int32_t error;

	ctx->parent = parent;
	lock_acquire(&parent->cancel.lock);
	parent->cancel.refs++;
	error = parent->cancel.error;
	if (linked && error == 0)
		weft__cancel_add(&parent->cancel, &ctx->node);
	lock_release(&parent->cancel.lock);
	if (!linked || error == 0)
		return;
	lock_acquire(&ctx->cancel.lock);
	if (ctx->cancel.error == 0) {
		at_store(&ctx->cause, at_load(&parent->cause, RELAXED), RELAXED);
		at_store(&ctx->cancel.error, error, RELEASE);
	}
	lock_release(&ctx->cancel.lock);
}

/* A new context; linked: it is cancelled with its parent, and has its deadline. */
static weft_context_t *create(weft_context_t *parent, weft_time_t deadline, bool linked)
{
	weft_time_t inherited = linked ? weft_context_deadline(parent) : WEFT_NEVER;
	weft_context_t *ctx = weft__alloc(sizeof *ctx);

	if (ctx == NULL)
		return NULL;
	ctx->cancel.refs = 1;
	ctx->cancel.free = context_free;
	ctx->node.kind = CANCEL_CHILD;
	ctx->deadline = deadline < inherited ? deadline : inherited;
	if (deadline < inherited) {
		if (deadline <= weft__os_now()) {
			ctx->cause = ctx->cancel.error = -ETIMEDOUT;
		} else if (!arm(ctx)) {
			weft__free(ctx);
			return NULL;
		}
	}
	if (parent != NULL)
		join(ctx, parent, linked);
	return ctx;
}

weft_context_t *weft_context_create(weft_context_t *parent)
{
	return create(parent, WEFT_NEVER, true);
}

weft_context_t *weft_context_create_until(weft_context_t *parent, weft_time_t deadline)
{
	return create(parent, deadline, true);
}

weft_context_t *weft_context_create_timeout(weft_context_t *parent, int64_t duration_ns)
{
	return create(parent, weft_deadline_in(duration_ns), true);
}

weft_context_t *weft_context_create_value(weft_context_t *parent, const void *key, void *value)
{
	weft_context_t *ctx = create(parent, WEFT_NEVER, true);

	if (ctx != NULL) {
		ctx->key = key;
		ctx->value = value;
	}
	return ctx;
}

weft_context_t *weft_context_create_detached(weft_context_t *parent)
{
	return create(parent, WEFT_NEVER, false);
}

weft_context_t *weft_context_retain(weft_context_t *ctx)
{
	if (ctx != NULL) {
		lock_acquire(&ctx->cancel.lock);
		ctx->cancel.refs++;
		lock_release(&ctx->cancel.lock);
	}
	return ctx;
}

void weft_context_release(weft_context_t *ctx)
{
	if (ctx != NULL)
		put(ctx);
}

void weft_context_destroy(weft_context_t *ctx)
{
	weft_context_cancel(ctx);
	weft_context_release(ctx);
}

/* ---- questions ---- */

int weft_context_err(const weft_context_t *ctx)
{
	return ctx != NULL ? at_load(&ctx->cancel.error, ACQUIRE) : 0;
}

int weft_context_cause(const weft_context_t *ctx)
{
	return weft_context_err(ctx) != 0 ? at_load(&ctx->cause, RELAXED) : 0;
}

weft_time_t weft_context_deadline(const weft_context_t *ctx)
{
	return ctx != NULL ? ctx->deadline : WEFT_NEVER;
}

void *weft_context_value(const weft_context_t *ctx, const void *key)
{
	for (; ctx != NULL; ctx = ctx->parent)
		if (ctx->key == key && key != NULL)
			return ctx->value;
	return NULL;
}

/* ---- waiting ---- */

int weft_context_wait_until(weft_context_t *ctx, weft_time_t deadline)
{
	struct weft__limit limit = limit_ctx(ctx);
	int err;

	if (weft_context_err(ctx) != 0)
		return 0;
	limit.deadline = deadline;
	err = weft__sleep(limit, "context");
	/* Here ctx may be gone. */
	if (err == -ECANCELED || err == -ETIMEDOUT)
		return 0;
	return err != 0 ? err : -ETIMEDOUT;
}

int weft_context_wait(weft_context_t *ctx)
{
	return weft_context_wait_until(ctx, WEFT_NEVER);
}

int weft_context_after(weft_context_t *ctx, weft_after_t *memory, weft_fn_t *fn, void *arg)
{
	struct after_call *after = (struct after_call *)(void *)memory;
	struct weft__thread *self;
	bool now = false;
	int err = known();

	if (fn == NULL)
		weft__panic("weft_context_after: context %p without a function", (void *)ctx);
	if (err != 0)
		return err;
	*after = (struct after_call){ .node = { .kind = CANCEL_AFTER }, .timer = { .fn = fn, .arg = arg } };
	if (ctx == NULL) {
		after->forever = true;
		return 0;
	}
	self = enter();
	lock_acquire(&ctx->cancel.lock);
	if (ctx->cancel.error == 0) {
		at_store(&after->ctx, ctx, RELAXED);
		ctx->cancel.refs++;
		weft__cancel_add(&ctx->cancel, &after->node);
	} else {
		now = true;
	}
	lock_release(&ctx->cancel.lock);
	if (now)
		start_after(self, after);
	leave(self);
	return 0;
}

int weft_context_after_stop(weft_after_t *memory)
{
	struct after_call *after = (struct after_call *)(void *)memory;
	weft_context_t *ctx = at_load(&after->ctx, ACQUIRE);
	bool linked, last = false;

	if (ctx == NULL) {
		linked = after->forever;
		after->forever = false;
		return linked || weft_timer_stop((weft_timer_t *)(void *)&after->timer) > 0;
	}
	lock_acquire(&ctx->cancel.lock);
	linked = after->node.next != NULL;
	if (linked) {
		weft__cancel_remove(&ctx->cancel, &after->node);
		at_store(&after->ctx, NULL, RELAXED);
		last = --ctx->cancel.refs == 0;
	}
	lock_release(&ctx->cancel.lock);
	if (last)
		context_free(&ctx->cancel);
	return linked;
}

int weft_sleep_ctx(int64_t duration_ns, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);

	if (duration_ns <= 0)
		return weft_context_err(ctx);
	limit.deadline = weft_deadline_in(duration_ns);
	return weft__sleep(limit, "sleep");
}

int weft_fd_wait_ctx(int fd, unsigned events, weft_context_t *ctx)
{
	return weft__fd_wait(fd, events, limit_ctx(ctx));
}

int weft_ticker_wait_ctx(weft_ticker_t *ticker, weft_context_t *ctx)
{
	return weft__ticker_wait(ticker, limit_ctx(ctx));
}

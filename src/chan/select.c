/*
 * select.c - waiting for whichever of several things comes first.
 *
 * First a look at every case, without a lock: one of those that look ready is picked, each with the same
 * chance (reservoir sampling), and attempted under the lock of its channel alone. If somebody was faster,
 * look again.
 *
 * When nothing is ready, the select enters the queue of each case in turn: lock, attempt once more, else
 * queue a node, unlock. From the first node on it may be claimed, although it still runs; park.c says how it
 * is made ready then. The attempt can therefore end in three ways: the case can be done, and the select has
 * claimed itself (and the partner with it: claim_pair in chan.c); nothing to do, the node is queued; or
 * another case has claimed it, and there is nothing left but to park and be woken for it. Nothing is lost:
 * after the unlock of a channel, whoever comes to it finds the node; before it, the attempt saw what there
 * was.
 *
 * At last it takes its nodes out of all queues; whoever meets them meanwhile cannot claim them and drops
 * them. The one that was claimed is off its queue already, and w.value points to it.
 *
 *     case   node                        ready when
 *     send   chan_node among senders     room, a receiver, or closed (then it panics)
 *     recv   chan_node among receivers   an element, a sender, or closed
 *     done   cancel node of the context  it is cancelled
 *     fd     poll node                   the descriptor is, or cannot be waited for: its result is the error
 *     time   none: the earliest is the deadline of the park
 *
 * Never two locks at once. So thousands of selects that share one channel hold its lock for one list
 * operation each, and no order of locks is needed. The price is the pair of claims when two selects meet.
 */
#include <weft/select.h>

#include "base/alloc.h"
#include "chan/alone.h"
#include "sched/switch.h"
#include "sync/context.h"

enum { CASES_MOST = 65536, NODES_SMALL = 64 };

/* What stands in the queue of a case. */
union node {
	struct chan_node chan;
	struct weft__cancel_node cancel;
	struct weft__poll_node poll;
};

/* One call. */
struct selection {
	weft_case_t *cases;
	uint32_t n;
	bool clocked;        /* has cases of time */
	bool polled;         /* has descriptors */
	weft_time_t soonest; /* of the cases of time */
};

static weft_chan_t *chan_of(const weft_case_t *c)
{
	return c->weft__object;
}

static struct weft__cancel *cancel_of(const weft_case_t *c)
{
	return c->weft__object;
}

static bool of_channel(const weft_case_t *c)
{
	return (c->op == WEFT_OP_SEND || c->op == WEFT_OP_RECV) && c->weft__object != NULL;
}

static int fd_of(const weft_case_t *c)
{
	return (int)c->weft__time;
}

static WEFT_NORETURN COLD void bad_case(const weft_case_t *c, uint32_t i)
{
	weft__panic("weft_select: case %u has the unknown operation %u", i, c->op);
}

/* ---- without waiting ---- */

/* Polls the descriptor: events, 0, or a negative error, which counts as ready. */
static int fd_now(const weft_case_t *c)
{
	int got = -EINVAL;

	if (c->events != 0 && (c->events & ~(unsigned)(WEFT_READABLE | WEFT_WRITABLE)) == 0)
		got = fd_of(c) >= 0 ? weft__os_poll_one(fd_of(c), c->events, 0) : -EBADF;
	return got == -ETIMEDOUT ? 0 : got;
}

/* What a look at the cases came to. */
struct look {
	uint32_t ready; /* so many are */
	uint32_t pick;  /* one of them, each with the same chance */
	bool others;    /* there are cases that only look_at_others knows */
};

/* One more, if it is ready; no branch for the first one, for which one that is cannot be predicted. */
ALWAYS_INLINE void look_found(struct weft__thread *self, struct look *look, uint32_t i, bool yes)
{
	uint32_t mask = -(uint32_t)yes;

	look->ready += yes;
	if (unlikely(yes & (look->ready > 1)) && choose(CHOOSE_CASE, look->ready, &self->random) != 0)
		return;
	look->pick ^= (look->pick ^ i) & mask;
}

/* Looks at the cases of channels and contexts. Calls nothing. */
ALWAYS_INLINE struct look look_at(struct weft__thread *self, const weft_case_t *cases, uint32_t n)
{
	struct look look = { 0, 0, false };

	for (uint32_t i = 0; i < n; i++) {
		const weft_case_t *c = &cases[i];
		bool yes;
		if (unlikely(c->weft__object == NULL)) {
			look.others |= c->op > WEFT_OP_DONE;
			continue;
		}
		if (likely(c->op == WEFT_OP_RECV))
			yes = recv_looks_ready_flat(chan_of(c));
		else if (c->op == WEFT_OP_SEND)
			yes = send_looks_ready_flat(chan_of(c));
		else if (c->op == WEFT_OP_DONE)
			yes = at_load(&cancel_of(c)->error, ACQUIRE) != 0;
		else
			yes = false, look.others = true;
		look_found(self, &look, i, yes);
	}
	return look;
}

/* The same for the others; notes what a wait has to know of them. */
static NOINLINE void look_at_others(struct weft__thread *self, struct selection *s, struct look *look)
{
	weft_time_t now = 0;

	s->soonest = WEFT_NEVER;
	for (uint32_t i = 0; i < s->n; i++) {
		weft_case_t *c = &s->cases[i];
		switch (c->op) {
		case WEFT_OP_NONE:
		case WEFT_OP_RECV:
		case WEFT_OP_SEND:
		case WEFT_OP_DONE:
			break;
		case WEFT_OP_TIME:
			s->clocked = true;
			if (c->weft__time < s->soonest)
				s->soonest = c->weft__time;
			if (now == 0)
				now = weft__os_now();
			look_found(self, look, i, c->weft__time <= now);
			break;
		case WEFT_OP_FD:
			s->polled = true;
			c->result = fd_now(c);
			look_found(self, look, i, c->result != 0);
			break;
		default:
			bad_case(c, i);
		}
	}
}

/* Does a case that looked ready; false: somebody was faster. Outside. */
static bool attempt(struct weft__thread *self, weft_case_t *c)
{
	struct weft__waiter *partner = NULL;
	weft_chan_t *ch = chan_of(c);
	enum attempt met;

	switch (c->op) {
	case WEFT_OP_SEND:
		bias_acquire(self, &ch->lock);
		met = weft__chan_send_locked(ch, c->weft__elem, NULL, &partner);
		bias_release(self, &ch->lock);
		if (met == CLOSED)
			weft__chan_panic(ch, "select: send", "is closed");
		c->result = 0;
		break;
	case WEFT_OP_RECV:
		bias_acquire(self, &ch->lock);
		met = weft__chan_recv_locked(ch, c->weft__elem, NULL, &partner);
		bias_release(self, &ch->lock);
		c->result = met == DONE;
		break;
	case WEFT_OP_DONE:
		c->result = at_load(&cancel_of(c)->error, ACQUIRE);
		return true;
	default:
		return true;
	}
	if (partner != NULL)
		weft__chan_wake(self, partner);
	return met != MUST_WAIT;
}

/* As attempt, for what calls nothing; false: not done. */
ALWAYS_INLINE bool attempt_alone(struct weft__thread *self, weft_case_t *c)
{
	bool sends = c->op == WEFT_OP_SEND;

	if (likely(c->op == WEFT_OP_RECV)
			? recv_alone(self, chan_of(c), c->weft__elem, false) != ALONE_DONE
			: !sends || send_alone(self, chan_of(c), c->weft__elem, false) != ALONE_DONE)
		return false;
	c->result = !sends;
	return true;
}

/* ---- waiting ---- */

/* What entering one queue came to. */
enum entered {
	QUEUED,
	SKIPPED,  /* a case that cannot be ready */
	TAKEN,    /* the case was done, or is ready; the select has claimed itself */
	ELSEWHERE /* another case has claimed it */
};

/* In the owner's section, when it must wait: true, queued. Calls nothing. */
ALWAYS_INLINE bool enter_alone(
	struct weft__thread *self, weft_case_t *c, struct chan_node *n, struct weft__waiter *me)
{
	weft_chan_t *ch = chan_of(c);
	bool sends = c->op == WEFT_OP_SEND, queued;

	if (!of_channel(c))
		return false;
	n->waiter = me;
	n->elem = c->weft__elem;
	if (!bias_begin(self, &ch->lock))
		return false;
	queued = !(sends ? send_looks_ready(ch) : recv_looks_ready(ch));
	if (likely(queued))
		queue_add_returning(ch, sends ? &ch->senders : &ch->receivers, n);
	bias_end(self);
	return queued;
}

/* In the owner's section: takes the node out again. False: not done. */
ALWAYS_INLINE bool leave_alone(struct weft__thread *self, weft_case_t *c, struct chan_node *n)
{
	weft_chan_t *ch = chan_of(c);
	bool last;

	if (!of_channel(c) || !bias_begin(self, &ch->lock))
		return false;
	last = queue_left(ch, c->op == WEFT_OP_SEND ? &ch->senders : &ch->receivers, n);
	bias_end(self);
	if (unlikely(last))
		weft__chan_free(ch);
	return true;
}

static enum entered enter_chan(struct weft__thread *self, weft_case_t *c, struct chan_node *n,
	struct weft__waiter *me, struct weft__waiter **partner)
{
	weft_chan_t *ch = chan_of(c);
	bool sends = c->op == WEFT_OP_SEND;
	enum attempt met;

	if (ch == NULL)
		return SKIPPED;
	bias_acquire(self, &ch->lock);
	met = sends ? weft__chan_send_locked(ch, n->elem, me, partner)
		    : weft__chan_recv_locked(ch, n->elem, me, partner);
	if (met == MUST_WAIT)
		queue_add_returning(ch, sends ? &ch->senders : &ch->receivers, n);
	bias_release(self, &ch->lock);
	if (met == MUST_WAIT)
		return QUEUED;
	n->next = NULL;
	n->ok = met == DONE;
	return met == CLAIMED ? ELSEWHERE : TAKEN;
}

static enum entered enter_fd(weft_case_t *c, struct weft__poll_node *n, struct weft__waiter *me)
{
	int result;

	n->waiter = me;
	n->wanted = c->events;
	result = weft__poll_add(fd_of(c), n, NULL);
	if (result == 0)
		return QUEUED;
	n->got = 0;
	c->result = result == 1 ? c->events : result;
	return weft__claim(me, WAIT_WOKEN) ? TAKEN : ELSEWHERE;
}

static enum entered enter_case(struct weft__thread *self, weft_case_t *c, union node *n,
	struct weft__waiter *me, struct weft__waiter **partner)
{
	switch (c->op) {
	case WEFT_OP_SEND:
	case WEFT_OP_RECV:
		return enter_chan(self, c, &n->chan, me, partner);
	case WEFT_OP_DONE:
		if (c->weft__object == NULL)
			return SKIPPED;
		/* Linked also when it is cancelled; then perhaps it has claimed. */
		return weft__cancel_link(cancel_of(c), &n->cancel, me) ? TAKEN : QUEUED;
	case WEFT_OP_FD:
		return enter_fd(c, &n->poll, me);
	default:
		return SKIPPED;
	}
}

/* Takes the node of a queued case out again; done: the one for which its claimer did that. */
static void leave_case(struct weft__thread *self, weft_case_t *c, union node *n, const union node *done)
{
	switch (c->op) {
	case WEFT_OP_SEND:
	case WEFT_OP_RECV:
		if (chan_of(c) != NULL && n != done) {
			weft_chan_t *ch = chan_of(c);
			bool last;
			bias_acquire(self, &ch->lock);
			last = queue_left(
				ch, c->op == WEFT_OP_SEND ? &ch->senders : &ch->receivers, &n->chan);
			bias_release(self, &ch->lock);
			if (unlikely(last))
				weft__chan_free(ch);
		}
		break;
	case WEFT_OP_DONE:
		if (c->weft__object != NULL)
			c->result = weft__cancel_unlink(cancel_of(c), &n->cancel);
		break;
	case WEFT_OP_FD:
		if (n != done)
			weft__poll_remove(fd_of(c), &n->poll);
		break;
	default:
		break;
	}
}

/* The result of the case that was claimed, or that the select claimed. */
static void finish_case(weft_case_t *c, const union node *n)
{
	switch (c->op) {
	case WEFT_OP_SEND:
		if (!n->chan.ok)
			weft__chan_panic(chan_of(c), "select: send", "is closed");
		c->result = 0;
		break;
	case WEFT_OP_RECV:
		c->result = n->chan.ok;
		break;
	case WEFT_OP_FD:
		if (n->poll.got != 0)
			c->result = (int)n->poll.got;
		break;
	default:
		break;
	}
}

/* One of the times that have come, at random. */
static int time_case(struct weft__thread *self, const struct selection *s)
{
	weft_time_t now = weft__os_now();
	uint32_t ready = 0, pick = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->cases[i].op != WEFT_OP_TIME || s->cases[i].weft__time > now)
			continue;
		ready++;
		if (ready == 1 || choose(CHOOSE_CASE, ready, &self->random) == 0)
			pick = i;
	}
	return (int)pick;
}

/*
 * Enters the queues, waits and leaves them: the index of the case that was done, or the error. Outside.
 * away: a task that waits without limit, called by weft__arch_away.
 */
ALWAYS_INLINE int select_in(const struct selection *s, union node *nodes, struct weft__waiter *w,
	struct weft__limit limit, bool away)
{
	bool timed = s->clocked && s->soonest <= limit.deadline;
	enum entered entered = QUEUED;
	struct weft__waiter *partner = NULL;
	struct weft__thread *self = enter();
	union node *chosen = NULL;
	uint32_t i, state;
	int result;

	weft__waiter_init(self, w);
	weft__waiter_open(w);
	for (i = 0; i < s->n && entered <= SKIPPED && at_load(&w->state, RELAXED) == WAIT_OPEN; i++)
		if (!likely(enter_alone(self, &s->cases[i], &nodes[i].chan, w)))
			entered = enter_case(self, &s->cases[i], &nodes[i], w, &partner);
	if (s->polled && w->task == NULL)
		(void)weft__poller_ensure();
	if (entered == TAKEN) {
		chosen = &nodes[i - 1];
		if (partner != NULL)
			weft__ready(self, partner);
		state = WAIT_WOKEN;
	} else {
		if (timed)
			limit.deadline = s->soonest;
		self = away ? switch_open_here(self, w, "select")
			    : weft__park(self, w, NULL, limit, "select");
		state = at_load(&w->state, ACQUIRE);
		if (state == WAIT_WOKEN || (state == WAIT_CANCELED && w->value >= (uintptr_t)nodes &&
						   w->value < (uintptr_t)(nodes + s->n)))
			chosen = (union node *)w->value;
	}
	result = chosen != NULL                     ? (int)(chosen - nodes)
		 : state == WAIT_TIMED_OUT && timed ? time_case(self, s)
						    : weft__wait_error(w);
	/* The one that was attempted last is in no queue, but a context's is linked always. */
	if (entered == ELSEWHERE || (entered == TAKEN && s->cases[i - 1].op != WEFT_OP_DONE))
		i--;
	while (i-- > 0) {
		const union node *done = w->early ? NULL : chosen;
		if (likely(&nodes[i] != done) && likely(leave_alone(self, &s->cases[i], &nodes[i].chan)))
			continue;
		leave_case(self, &s->cases[i], &nodes[i], done);
	}
	leave(self);
	if (chosen != NULL)
		finish_case(&s->cases[result], chosen);
	return result;
}

static NOINLINE int select_small(const struct selection *s, struct weft__limit limit)
{
	union node nodes[NODES_SMALL];
	struct weft__waiter w;

	return select_in(s, nodes, &w, limit, false);
}

static NOINLINE int select_large(const struct selection *s, struct weft__limit limit)
{
	union node *nodes = weft__alloc_unset(s->n * sizeof *nodes);
	struct weft__waiter w;
	int result;

	if (nodes == NULL)
		return -ENOMEM;
	result = select_in(s, nodes, &w, limit, false);
	weft__free(nodes);
	return result;
}

/* For weft__arch_away: few cases, all of channels and contexts, no limit. */
static OPAQUE int select_away(void *cases, void *n, void *none, const char *site)
{
	const struct selection s = { .cases = cases, .n = (uint32_t)(uintptr_t)n };
	union node nodes[NODES_SMALL];
	struct weft__waiter w;

	(void)none;
	(void)site;
	return select_in(&s, nodes, &w, limit_none(), true);
}

static NOINLINE int select_waiting(const struct selection *s, struct weft__limit limit)
{
	int result = limit_over(limit);

	if (result != 0)
		return result;
	return s->n <= NODES_SMALL ? select_small(s, limit) : select_large(s, limit);
}

/* When it is not only of channels, or another was faster than select_any. */
static NOINLINE int select_general(weft_case_t *cases, uint32_t n, bool wait, struct weft__limit limit)
{
	struct selection s = { .cases = cases, .n = n };
	struct weft__thread *self;
	int err = known();

	if (err != 0)
		return err;
	self = weft__self();
	for (;;) {
		struct look look = look_at(self, cases, n);
		if (look.others)
			look_at_others(self, &s, &look);
		if (look.ready == 0 && !wait)
			polls();
		if (look.ready == 0)
			return wait ? select_waiting(&s, limit) : -EAGAIN;
		if (attempt(self, &cases[look.pick]))
			return (int)look.pick;
	}
}

/*
 * The case that was picked needs the general way. It is this one that is attempted first: to pick anew would
 * favour those that do not.
 */
static NOINLINE int select_picked(
	weft_case_t *cases, uint32_t n, uint32_t pick, bool wait, struct weft__limit limit)
{
	return attempt(weft__self(), &cases[pick]) ? (int)pick : select_general(cases, n, wait, limit);
}

/* None of the cases, all of channels and contexts, is ready. */
static NOINLINE int select_channels(weft_case_t *cases, uint32_t n, struct weft__limit limit)
{
	struct selection s = { .cases = cases, .n = n };

	return select_waiting(&s, limit);
}

ALWAYS_INLINE int select_any(weft_case_t *cases, size_t n, bool wait, struct weft__limit limit)
{
	struct weft__thread *self = weft__self();
	struct look look;
	int err;

	if (unlikely(n > CASES_MOST))
		return -EINVAL;
	if (unlikely((err = limit_canceled(limit)) != 0))
		return err;
	if (unlikely(self == NULL))
		return select_general(cases, (uint32_t)n, wait, limit);
	look = look_at(self, cases, (uint32_t)n);
	if (likely(!look.others)) {
		if (look.ready == 0 && !wait) {
			polls();
			return -EAGAIN;
		}
		if (look.ready == 0 && !limit_any(limit) && n <= NODES_SMALL && likely(self->task != NULL))
			return weft__arch_away(cases, (void *)(uintptr_t)n, NULL, NULL, select_away);
		if (look.ready == 0)
			return select_channels(cases, (uint32_t)n, limit);
		if (likely(attempt_alone(self, &cases[look.pick])))
			return (int)look.pick;
		return select_picked(cases, (uint32_t)n, look.pick, wait, limit);
	}
	return select_general(cases, (uint32_t)n, wait, limit);
}

/* ---- the calls ---- */

int weft_select(weft_case_t *cases, size_t n)
{
	return select_any(cases, n, true, limit_none());
}

int weft_select_until(weft_case_t *cases, size_t n, weft_time_t deadline)
{
	return select_any(cases, n, true, limit_until(deadline));
}

int weft_select_ctx(weft_case_t *cases, size_t n, weft_context_t *ctx)
{
	return select_any(cases, n, true, limit_ctx(ctx));
}

int weft_select_try(weft_case_t *cases, size_t n)
{
	return select_any(cases, n, false, limit_none());
}

int weft__select_step(struct weft__select *s, const char *site)
{
	int chosen;

	switch (s->step) {
	case 0:
		s->step = 1;
		s->n = 0;
		return 1;
	case 1:
		chosen = select_any(s->cases, (size_t)s->n, s->otherwise < 0, limit_none());
		if (chosen == -EAGAIN && s->otherwise >= 0)
			chosen = s->otherwise;
		if (chosen < 0)
			weft__panic("WEFT_SELECT at %s: %s", site, weft_strerror(chosen));
		s->chosen = chosen;
		s->step = 2;
		s->n = 0;
		return 1;
	default:
		return 0;
	}
}

void weft__select_overflow(const char *site)
{
	weft__panic(
		"WEFT_SELECT at %s: more than %d cases; the array form takes more", site, WEFT_SELECT_MAX);
}

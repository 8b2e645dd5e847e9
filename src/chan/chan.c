/*
 * chan.c - channels.
 *
 * State, under the lock; what is atomic is also looked at without it:
 *
 *     receivers   senders   count          meaning
 *     none        none      0 .. capacity  nobody waits
 *     some        none      0              receivers wait, the buffer is empty
 *     none        some      capacity       senders wait, the buffer is full
 *
 * closed: no senders wait and none comes. A waiter that was claimed by its deadline, its context or another
 * channel may still stand in a queue until it removes itself or who meets it drops it, so "some" means: some
 * that can be claimed. Both queues may have waiters at once only if all in one of them are selects that the
 * others belong to: a select never meets itself.
 *
 * A send meets, in this order: closed (panic); a receiver (the element goes straight to it; it can only wait
 * when the buffer is empty, so order is kept); room in the buffer; or it waits. A receive meets: an element
 * in the buffer (and then the first waiting sender's element takes the place that came free, at the tail); a
 * sender; closed; or it waits.
 *
 * Who meets a waiter claims it under the lock, copies the element between the two, writes the node's ok, and
 * makes the waiter ready after the lock is released. On the fast path the word of the lock is held outside of
 * the runtime: that touches no processor's data, so the monitor may take the processor meanwhile. In a
 * section of the biased lock it may not, so alone.h need not enter. Who looks as if it had to wait enters
 * first, so that it takes the lock once.
 *
 * Freed at once. A receiver may destroy the channel when its receive has returned, for instance a reply
 * channel, while the sender is on its way out: after the release of the lock a sender or receiver touches
 * only the waiter that it has claimed. A waiter that was woken does not come back to the channel. But one
 * that had a deadline or a context does when that came first, and a select comes back to the channels that
 * were not chosen, which may be this one in another case. So those who may come back are counted (RETURNING):
 * in when they queue, out when they are claimed here or have come back. A select that is claimed early, while
 * it still enters queues, comes back to the one that was chosen, too: it may be on its way to another case
 * of it. A channel that is destroyed before they all are out is freed by the last of them.
 *
 * Order: the lock orders send before receive, close before a receive that sees it, and the k-th receive
 * before the k+C-th send, as they touch the same slot. A direct copy is ordered by the lock, the claim and
 * the ready.
 *
 * Two selects that meet (src/chan/select.c) must both be claimed or none: see chan_take.
 */
#include "chan/alone.h"
#include "chan/chan.h"

#include "sched/switch.h"
#include "sync/context.h"
#include "sync/wake.h"

/* ---- meeting a waiter ---- */

/*
 * Claims w for me, which stands in other queues and may be claimed there. First me: OPEN -> TRYING; then
 * w. When w tries somebody itself, one of the two has to give way: the one with the higher address goes back
 * to OPEN, lets others claim it, and begins anew. Whoever waits in TRYING waits for a higher address, so
 * there is no circle; and TRYING holds no lock that another one in TRYING needs.
 */
enum pair { BOTH, NOT_ME, NOT_IT };

/* Claims w for me in TRYING; false: w was claimed by another (NOT_IT), or tries somebody and goes first. */
static bool claim_it(struct weft__waiter *me, struct weft__waiter *w, bool *lost)
{
	for (int i = 1;; i++) {
		uint32_t its = at_load(&w->state, RELAXED);
		*lost = its > WAIT_TRYING;
		if (*lost || (its == WAIT_TRYING && (uintptr_t)me > (uintptr_t)w))
			return false;
		if (its != WAIT_TRYING && at_cas(&w->state, &its, WAIT_WOKEN, ACQ_REL, RELAXED)) {
			w->early = its == WAIT_OPEN;
			return true;
		}
		spin_wait(i);
	}
}

static enum pair claim_pair(struct weft__waiter *me, struct weft__waiter *w)
{
	for (int i = 1;; i++) {
		uint32_t mine = WAIT_OPEN;
		bool lost;
		if (!at_cas(&me->state, &mine, WAIT_TRYING, ACQ_REL, RELAXED))
			return NOT_ME;
		if (claim_it(me, w, &lost)) {
			at_store(&me->state, WAIT_WOKEN, RELEASE);
			return BOTH;
		}
		at_store(&me->state, WAIT_OPEN, RELEASE);
		if (lost)
			return NOT_IT;
		spin_wait(i);
	}
}

/* Claims me alone: there is something that needs no partner. */
static bool claim_me(struct weft__waiter *me)
{
	return me == NULL || weft__claim(me, WAIT_WOKEN);
}

/*
 * Takes the first waiter that can be claimed off the queue: DONE and *taken; MUST_WAIT: there is none;
 * CLAIMED: me was claimed by somebody else. Those that cannot be claimed are dropped. Requires the lock.
 */
static NOINLINE enum attempt take_slow(
	weft_chan_t *ch, struct chan_node **queue, struct weft__waiter *me, struct chan_node **taken)
{
	struct chan_node *n = *queue, *next;

	while (n != NULL) {
		enum pair pair;
		if (likely(me == NULL)) {
			queue_remove(queue, n);
			if (likely(weft__claim(n->waiter, WAIT_WOKEN))) {
				ch->RETURNING -= !n->waiter->sole && !n->waiter->early;
				*taken = n;
				return DONE;
			}
			n = *queue;
			continue;
		}
		next = n->next != *queue ? n->next : NULL;
		if (n->waiter == me) {
			n = next;
			continue;
		}
		pair = claim_pair(me, n->waiter);
		if (pair == NOT_ME)
			return CLAIMED;
		queue_remove(queue, n);
		if (pair == BOTH) {
			ch->RETURNING -= !n->waiter->sole && !n->waiter->early;
			*taken = n;
			return DONE;
		}
		n = next;
	}
	return MUST_WAIT;
}

/* The queue is not empty. */
ALWAYS_INLINE enum attempt chan_take(
	weft_chan_t *ch, struct chan_node **queue, struct weft__waiter *me, struct chan_node **taken)
{
	struct chan_node *n = *queue;

	if (unlikely(me != NULL) || unlikely(!n->waiter->sole))
		return take_slow(ch, queue, me, taken);
	queue_remove(queue, n);
	(void)weft__claim(n->waiter, WAIT_WOKEN);
	*taken = n;
	return DONE;
}

/* The taken waiter's call is done; *partner must be made ready once the lock is released. */
ALWAYS_INLINE void settle(struct chan_node *n, int ok, struct weft__waiter **partner)
{
	n->ok = ok;
	n->waiter->value = (uintptr_t)n;
	*partner = n->waiter;
}

ALWAYS_INLINE enum attempt send_locked(
	weft_chan_t *ch, const void *elem, struct weft__waiter *me, struct weft__waiter **partner)
{
	struct chan_node *n;

	*partner = NULL;
	if (unlikely(ch->closed != 0))
		return claim_me(me) ? CLOSED : CLAIMED;
	if (ch->receivers != NULL) {
		enum attempt met = chan_take(ch, &ch->receivers, me, &n);
		if (likely(met == DONE)) {
			elem_give(ch, n->elem, elem);
			settle(n, 1, partner);
			return DONE;
		}
		if (met == CLAIMED)
			return CLAIMED;
	}
	if (ch->count < ch->capacity) {
		if (unlikely(!claim_me(me)))
			return CLAIMED;
		buffer_put(ch, elem);
		return DONE;
	}
	return MUST_WAIT;
}

ALWAYS_INLINE enum attempt recv_locked(
	weft_chan_t *ch, void *elem, struct weft__waiter *me, struct weft__waiter **partner)
{
	struct chan_node *n;
	enum attempt met;

	*partner = NULL;
	if (ch->count != 0) {
		if (unlikely(!claim_me(me)))
			return CLAIMED;
		buffer_take(ch, elem);
		/* Whoever attempts this is claimed already, or cannot be: it meets the sender alone. */
		if (ch->senders != NULL && chan_take(ch, &ch->senders, NULL, &n) == DONE) {
			buffer_put(ch, n->elem);
			settle(n, 1, partner);
		}
		return DONE;
	}
	if (ch->senders != NULL) {
		met = chan_take(ch, &ch->senders, me, &n);
		if (likely(met == DONE)) {
			elem_give(ch, elem, n->elem);
			settle(n, 1, partner);
			return DONE;
		}
		if (met == CLAIMED)
			return CLAIMED;
	}
	if (unlikely(ch->closed != 0)) {
		if (!claim_me(me))
			return CLAIMED;
		elem_clear(ch, elem);
		return CLOSED;
	}
	return MUST_WAIT;
}

enum attempt weft__chan_send_locked(
	weft_chan_t *ch, const void *elem, struct weft__waiter *me, struct weft__waiter **partner)
{
	return send_locked(ch, elem, me, partner);
}

enum attempt weft__chan_recv_locked(
	weft_chan_t *ch, void *elem, struct weft__waiter *me, struct weft__waiter **partner)
{
	return recv_locked(ch, elem, me, partner);
}

ALWAYS_INLINE void wake_one(struct weft__thread *self, struct weft__waiter *partner)
{
	if (unlikely(self == NULL)) {
		weft__ready(NULL, partner);
		return;
	}
	self = enter_as(self);
	weft__ready_next(self, partner);
	leave(self);
}

void weft__chan_wake(struct weft__thread *self, struct weft__waiter *partner)
{
	wake_one(self, partner);
}

static WEFT_NORETURN COLD void send_on_closed(const weft_chan_t *ch)
{
	weft__chan_panic(ch, "send", "is closed");
}

/* ---- waiting ---- */

static const char reason_send[] = "channel send", reason_recv[] = "channel receive";

/* On no channel: waits until the limit. */
static COLD int wait_for_ever(struct weft__limit limit)
{
	int err = limit_over(limit);

	if (err != 0)
		return err;
	err = weft__sleep(limit, "channel NULL");
	return err != 0 ? err : -ETIMEDOUT;
}

/* One blocked call. */
struct blocked {
	struct chan_node node;
	struct weft__waiter waiter;
};

/*
 * The call is inside and the lock is held: waits in the queue. 0, or the error. Unlocked and outside
 * afterwards.
 */
ALWAYS_INLINE int wait_in(struct weft__thread *self, weft_chan_t *ch, struct chan_node **queue,
	struct blocked *b, struct weft__limit limit, const char *reason)
{
	struct weft__waiter *w = &b->waiter;
	struct chan_node *n = &b->node;
	int err;

	n->waiter = w;
	n->ok = 0;
	weft__waiter_init(self, w);
	if (!limit_any(limit)) {
		queue_add(queue, n);
		self = weft__park_sole(self, w, bias_lock(self, &ch->lock), reason);
		leave(self);
		return 0;
	}
	queue_add_returning(ch, queue, n);
	self = weft__park(self, w, bias_lock(self, &ch->lock), limit, reason);
	err = weft__wait_error(w);
	if (unlikely(err != 0)) {
		bool last;
		bias_acquire(self, &ch->lock);
		last = queue_left(ch, queue, n);
		bias_release(self, &ch->lock);
		if (unlikely(last))
			weft__chan_free(ch);
	}
	leave(self);
	return err;
}

/*
 * Inside, with the lock, for a channel that looks ready after all: as the call returns, unlocked and outside;
 * or -EAGAIN, inside and with the lock.
 */
ALWAYS_INLINE int after_all(struct weft__thread *self, weft_chan_t *ch, void *elem, bool sends)
{
	struct weft__waiter *partner;
	enum attempt met =
		sends ? send_locked(ch, elem, NULL, &partner) : recv_locked(ch, elem, NULL, &partner);

	if (met == MUST_WAIT)
		return -EAGAIN;
	if (sends && met == CLOSED)
		send_on_closed(ch);
	bias_release(self, &ch->lock);
	if (partner != NULL)
		weft__ready(self, partner);
	leave(self);
	return sends ? 0 : met == DONE;
}

static NOINLINE int send_after_all(struct weft__thread *self, weft_chan_t *ch, void *elem)
{
	return after_all(self, ch, elem, true);
}

static NOINLINE int recv_after_all(struct weft__thread *self, weft_chan_t *ch, void *elem)
{
	return after_all(self, ch, elem, false);
}

/*
 * A task that is inside and has the lock waits without limit; for weft__arch_away. One function for sends and
 * receives: they all go on at one place.
 */
static OPAQUE int wait_away(void *thread, void *channel, void *elem, const char *reason)
{
	struct weft__thread *self = thread;
	weft_chan_t *ch = channel;
	bool sends = reason == reason_send;
	struct blocked b;

	b.node.waiter = &b.waiter;
	b.node.elem = elem;
	weft__waiter_init(self, &b.waiter);
	b.waiter.sole = true;
	queue_add(sends ? &ch->senders : &ch->receivers, &b.node);
	leave(switch_sole_here(self, bias_lock(self, &ch->lock), reason));
	if (unlikely(!b.node.ok) && sends)
		send_on_closed(ch);
	return b.node.ok ^ sends;
}

ALWAYS_INLINE int away(struct weft__thread *self, weft_chan_t *ch, const void *elem, const char *reason)
{
	return weft__arch_away(
		self, ch, (void *)(uintptr_t)elem, reason, wait_away); /* a send only reads it */
}

/* The lock is held: -EAGAIN, it must wait; or it is done after all, as the call returns. */
ALWAYS_INLINE int look_again(struct weft__thread *self, weft_chan_t *ch, void *elem, bool sends)
{
	if (likely(sends ? !send_looks_ready(ch) : !recv_looks_ready(ch)))
		return -EAGAIN;
	return sends ? send_after_all(self, ch, elem) : recv_after_all(self, ch, elem);
}

/* Waits, inside and with the lock. */
ALWAYS_INLINE int waiting(
	struct weft__thread *self, weft_chan_t *ch, void *elem, bool sends, struct weft__limit limit)
{
	struct blocked b;
	int err;

	b.node.elem = elem;
	err = wait_in(self, ch, sends ? &ch->senders : &ch->receivers, &b, limit,
		sends ? reason_send : reason_recv);
	if (unlikely(err != 0))
		return err;
	if (sends && unlikely(!b.node.ok))
		send_on_closed(ch);
	return sends ? 0 : b.node.ok;
}

static NOINLINE int thread_waits(struct weft__thread *self, weft_chan_t *ch, void *elem, bool sends)
{
	return waiting(self, ch, elem, sends, limit_none());
}

ALWAYS_INLINE int blocking(weft_chan_t *ch, void *elem, bool sends)
{
	struct weft__thread *self;
	int err = known();

	if (unlikely(err != 0))
		return err;
	self = enter();
	bias_acquire(self, &ch->lock);
	err = look_again(self, ch, elem, sends);
	if (unlikely(err != -EAGAIN))
		return err;
	if (unlikely(self->task == NULL))
		return thread_waits(self, ch, elem, sends);
	return away(self, ch, elem, sends ? reason_send : reason_recv);
}

ALWAYS_INLINE int limited(weft_chan_t *ch, void *elem, bool sends, struct weft__limit limit)
{
	struct weft__thread *self;
	int err = limit_over(limit);

	if (err != 0 || (err = known()) != 0)
		return err;
	self = enter();
	bias_acquire(self, &ch->lock);
	err = look_again(self, ch, elem, sends);
	return err == -EAGAIN ? waiting(self, ch, elem, sends, limit) : err;
}

/*
 * The lock is held; without waiting: 0, or -EAGAIN. Unlocked afterwards.
 */
static NOINLINE int send_meet(struct weft__thread *self, weft_chan_t *ch, const void *elem)
{
	struct weft__waiter *partner;
	enum attempt met = send_locked(ch, elem, NULL, &partner);

	if (unlikely(met == CLOSED))
		send_on_closed(ch);
	bias_release(self, &ch->lock);
	if (partner != NULL)
		wake_one(self, partner);
	return met == MUST_WAIT ? -EAGAIN : 0;
}

/* The same: 1, 0 when it is closed and empty, or -EAGAIN. */
static NOINLINE int recv_meet(struct weft__thread *self, weft_chan_t *ch, void *elem)
{
	struct weft__waiter *partner;
	enum attempt met = recv_locked(ch, elem, NULL, &partner);

	bias_release(self, &ch->lock);
	if (partner != NULL)
		wake_one(self, partner);
	return likely(met == DONE) ? 1 : met == MUST_WAIT ? -EAGAIN : 0;
}

/*
 * Without waiting, for a channel that looks ready. The commonest case, a buffered word that meets nobody,
 * calls nothing and so saves no registers.
 */
ALWAYS_INLINE int send_ready(weft_chan_t *ch, const void *elem)
{
	struct weft__thread *self = weft__self();

	bias_acquire(self, &ch->lock);
	if (likely(ch->count < ch->capacity) && likely(ch->receivers == NULL) && likely(ch->closed == 0) &&
		likely(elem_is_word(ch))) {
		word_put(ch, elem);
		bias_release(self, &ch->lock);
		return 0;
	}
	return send_meet(self, ch, elem);
}

ALWAYS_INLINE int recv_ready(weft_chan_t *ch, void *elem)
{
	struct weft__thread *self = weft__self();

	bias_acquire(self, &ch->lock);
	if (likely(ch->count != 0) && likely(ch->senders == NULL) && likely(elem_is_word(ch))) {
		word_take(ch, elem);
		bias_release(self, &ch->lock);
		return 1;
	}
	return recv_meet(self, ch, elem);
}

static NOINLINE int send_blocking(weft_chan_t *ch, const void *elem)
{
	return blocking(ch, (void *)(uintptr_t)elem, true); /* it is only read */
}

static NOINLINE int recv_blocking(weft_chan_t *ch, void *elem)
{
	return blocking(ch, elem, false);
}

static NOINLINE int send_limited(weft_chan_t *ch, const void *elem, struct weft__limit limit)
{
	int err = limit_canceled(limit);

	if (unlikely(err != 0))
		return err;
	if (unlikely(ch == NULL))
		return wait_for_ever(limit);
	if (likely(weft_chan_try_send(ch, elem) == 0))
		return 0;
	return limited(ch, (void *)(uintptr_t)elem, true, limit); /* it is only read */
}

static NOINLINE int recv_limited(weft_chan_t *ch, void *elem, struct weft__limit limit)
{
	int result = limit_canceled(limit);

	if (unlikely(result != 0))
		return result;
	if (unlikely(ch == NULL))
		return wait_for_ever(limit);
	result = weft_chan_try_recv(ch, elem);
	return likely(result >= 0) ? result : limited(ch, elem, false, limit);
}

static NOINLINE int send_any(weft_chan_t *ch, const void *elem)
{
	if (unlikely(ch == NULL))
		return wait_for_ever(limit_none());
	if (send_looks_ready(ch) && likely(send_ready(ch, elem) == 0))
		return 0;
	return send_blocking(ch, elem);
}

int weft_chan_send(weft_chan_t *ch, const void *elem)
{
	struct weft__thread *self = weft__self();
	enum alone done = likely(ch != NULL) ? send_alone(self, ch, elem, true) : ALONE_NOT;

	return likely(done == ALONE_DONE) ? 0
	       : done == ALONE_WAITS      ? away(self, ch, elem, reason_send)
					  : send_any(ch, elem);
}

int weft_chan_send_until(weft_chan_t *ch, const void *elem, weft_time_t deadline)
{
	return send_limited(ch, elem, limit_until(deadline));
}

int weft_chan_send_ctx(weft_chan_t *ch, const void *elem, weft_context_t *ctx)
{
	return send_limited(ch, elem, limit_ctx(ctx));
}

static NOINLINE int try_send_any(weft_chan_t *ch, const void *elem)
{
	if (likely(ch != NULL) && send_looks_ready(ch))
		return send_ready(ch, elem);
	polls();
	return -EAGAIN;
}

int weft_chan_try_send(weft_chan_t *ch, const void *elem)
{
	enum alone done = likely(ch != NULL) ? send_alone(weft__self(), ch, elem, false) : ALONE_NOT;

	return likely(done == ALONE_DONE) ? 0 : done == ALONE_WAITS ? -EAGAIN : try_send_any(ch, elem);
}

static NOINLINE int recv_any(weft_chan_t *ch, void *elem)
{
	int result;

	if (unlikely(ch == NULL))
		return wait_for_ever(limit_none());
	if (recv_looks_ready(ch) && likely((result = recv_ready(ch, elem)) >= 0))
		return result;
	return recv_blocking(ch, elem);
}

int weft_chan_recv(weft_chan_t *ch, void *elem)
{
	struct weft__thread *self = weft__self();
	enum alone done = likely(ch != NULL) ? recv_alone(self, ch, elem, true) : ALONE_NOT;

	return likely(done == ALONE_DONE) ? 1
	       : done == ALONE_WAITS      ? away(self, ch, elem, reason_recv)
					  : recv_any(ch, elem);
}

int weft_chan_recv_until(weft_chan_t *ch, void *elem, weft_time_t deadline)
{
	return recv_limited(ch, elem, limit_until(deadline));
}

int weft_chan_recv_ctx(weft_chan_t *ch, void *elem, weft_context_t *ctx)
{
	return recv_limited(ch, elem, limit_ctx(ctx));
}

static NOINLINE int try_recv_any(weft_chan_t *ch, void *elem)
{
	if (likely(ch != NULL) && recv_looks_ready(ch))
		return recv_ready(ch, elem);
	polls();
	return -EAGAIN;
}

int weft_chan_try_recv(weft_chan_t *ch, void *elem)
{
	enum alone done = likely(ch != NULL) ? recv_alone(weft__self(), ch, elem, false) : ALONE_NOT;

	return likely(done == ALONE_DONE) ? 1 : done == ALONE_WAITS ? -EAGAIN : try_recv_any(ch, elem);
}

/* ---- closing ---- */

/* Claims all waiters of a queue. Requires the lock. */
static void close_queue(weft_chan_t *ch, struct chan_node **queue, struct wake *wake, bool receivers)
{
	struct weft__waiter *claimed;
	struct chan_node *n;

	while (*queue != NULL && chan_take(ch, queue, NULL, &n) == DONE) {
		if (receivers)
			elem_clear(ch, n->elem);
		settle(n, 0, &claimed);
		wake_add(wake, claimed);
	}
}

void weft_chan_close(weft_chan_t *ch)
{
	struct weft__thread *self = weft__self();
	struct wake wake = { NULL, NULL };

	if (ch == NULL)
		weft__chan_panic(ch, "weft_chan_close", "cannot be closed");
	/* One section: who sees that it is closed may destroy it. The waiters are woken when it is over. */
	bias_acquire(self, &ch->lock);
	if (ch->closed != 0)
		weft__chan_panic(ch, "weft_chan_close", "is closed already");
	at_store(&ch->closed, CHAN_CLOSED, RELEASE); /* pairs with try_recv's look without the lock */
	close_queue(ch, &ch->receivers, &wake, true);
	close_queue(ch, &ch->senders, &wake, false);
	bias_release(self, &ch->lock);
	weft__wake(&wake);
}

/*
 * alone.h - sends and receives as they mostly are when tasks of one thread talk to each other: the channel's
 * lock is biased to it, the element is a word, nobody or a waiter that has parked is met, and the next slot
 * is free. They call nothing and save no registers; whatever else comes up is left, untouched, to the general
 * ways in chan.c.
 */
#ifndef WEFT_CHAN_ALONE_H
#define WEFT_CHAN_ALONE_H

#include "chan/chan.h"

/*
 * DONE; WAITS: it would have to wait; NOT: the general way must look. With `park`, WAITS means that it can
 * park: it is inside then, and still in the section.
 */
enum alone { ALONE_DONE, ALONE_WAITS, ALONE_NOT };

/* In the owner's section: claims a waiter that can be woken by a store into the next slot. */
ALWAYS_INLINE bool alone_claim(struct weft__thread *self, weft_chan_t *ch, struct chan_node *n)
{
	struct weft__waiter *w = n->waiter;
	uint32_t waiting = WAIT_WAITING;

	if (unlikely(w->task == NULL || !proc_is_ours(self) || self->proc == NULL) ||
		unlikely(!next_slot_free(self->proc)))
		return false;
	if (w->sole) {
		claim_sole(w);
		return true;
	}
	if (unlikely(!at_cas(&w->state, &waiting, WAIT_WOKEN, ACQ_REL, RELAXED)))
		return false;
	ch->RETURNING--;
	w->value = (uintptr_t)n;
	return true;
}

ALWAYS_INLINE void alone_wake(struct weft__thread *self, struct chan_node **queue, struct chan_node *n)
{
	queue_remove(queue, n);
	n->ok = 1;
	at_store(&self->proc->next, n->waiter->task, RELAXED);
}

/* It would have to wait. */
ALWAYS_INLINE enum alone alone_waits(struct weft__thread *self, bool park)
{
	enum alone waits = ALONE_WAITS;

	if (park && likely(self->task != NULL && proc_is_ours(self))) {
		bias_enter(self);
		return ALONE_WAITS;
	}
	if (park)
		waits = ALONE_NOT;
	bias_end(self);
	return waits;
}

ALWAYS_INLINE enum alone send_alone(struct weft__thread *self, weft_chan_t *ch, const void *elem, bool park)
{
	enum alone done = ALONE_NOT;
	struct chan_node *n;

	if (unlikely(self == NULL) || !bias_begin(self, &ch->lock))
		return ALONE_NOT;
	n = ch->receivers;
	if (unlikely(ch->closed != 0) || unlikely(!elem_is_word(ch))) {
		done = ALONE_NOT;
	} else if (n != NULL) {
		if (likely(alone_claim(self, ch, n))) {
			word_give(ch, n->elem, elem);
			alone_wake(self, &ch->receivers, n);
			done = ALONE_DONE;
		}
	} else if (ch->count < ch->capacity) {
		word_put(ch, elem);
		done = ALONE_DONE;
	} else {
		return alone_waits(self, park);
	}
	bias_end(self);
	return done;
}

ALWAYS_INLINE enum alone recv_alone(struct weft__thread *self, weft_chan_t *ch, void *elem, bool park)
{
	enum alone done = ALONE_NOT;
	struct chan_node *n;

	if (unlikely(self == NULL) || !bias_begin(self, &ch->lock))
		return ALONE_NOT;
	n = ch->senders;
	if (unlikely(!elem_is_word(ch))) {
		done = ALONE_NOT;
	} else if (ch->count != 0) {
		if (likely(n == NULL)) {
			word_take(ch, elem);
			done = ALONE_DONE;
		}
	} else if (n != NULL) {
		if (likely(alone_claim(self, ch, n))) {
			word_give(ch, elem, n->elem);
			alone_wake(self, &ch->senders, n);
			done = ALONE_DONE;
		}
	} else if (likely(ch->closed == 0)) {
		return alone_waits(self, park);
	}
	bias_end(self);
	return done;
}

#endif /* WEFT_CHAN_ALONE_H */

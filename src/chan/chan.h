/*
 * chan.h - what a channel is made of, and the steps that sends, receives and selects share. The essay is in
 * chan.c.
 */
#ifndef WEFT_CHAN_CHAN_H
#define WEFT_CHAN_CHAN_H

#include <string.h>

#include <weft/chan.h>

#include "sched/bias.h"

/*
 * A blocked send or receive, or one case of a blocked select: on the blocked stack, in a queue of the channel
 * and under its lock.
 */
struct chan_node {
	struct chan_node *next, *prev; /* circle; next is NULL: not queued */
	struct weft__waiter *waiter;
	void *elem; /* to send from, or to receive into; NULL: nowhere */
	int32_t ok; /* from who claimed it: 1 the element was passed on, 0 the channel was closed */
};

enum chan_closed { CHAN_OPEN, CHAN_CLOSED, CHAN_DESTROYED };

#define RETURNING lock.user

struct weft_chan {
	/* what a send or a receive touches: one line */
	struct weft__bias lock; /* its `user`: RETURNING, see chan.c */
	uint32_t closed;        /* atomic, changed under the lock: enum chan_closed */
	uint32_t elem_size;
	uint32_t count;      /* atomic, changed under the lock: elements in the buffer */
	uint32_t capacity;   /* of the buffer, in elements */
	uint32_t head, tail; /* of the buffer: where the next receive takes, where the next send puts */
	struct chan_node *receivers; /* atomic, changed under the lock: the oldest */
	struct chan_node *senders;   /* the same */
	/* the rest is constant */
	void (*drop)(void *elem, void *arg) CACHE_ALIGNED;
	void *drop_arg;
	const char *name, *site;
	char buffer[] CACHE_ALIGNED;
} CACHE_ALIGNED;

ALWAYS_INLINE void queue_add(struct chan_node **queue, struct chan_node *n)
{
	struct chan_node *first = *queue;

	if (likely(first == NULL)) {
		n->next = n->prev = n;
		at_store(queue, n, RELAXED);
	} else {
		n->next = first;
		n->prev = first->prev;
		first->prev->next = n;
		first->prev = n;
	}
}

ALWAYS_INLINE void queue_remove(struct chan_node **queue, struct chan_node *n)
{
	struct chan_node *next = n->next;

	if (likely(next == n)) {
		at_store(queue, NULL, RELAXED);
	} else {
		next->prev = n->prev;
		n->prev->next = next;
		if (*queue == n)
			at_store(queue, next, RELAXED);
	}
	n->next = NULL;
}

/* As queue_add, for a waiter that may come back to the channel: it is counted. */
ALWAYS_INLINE void queue_add_returning(weft_chan_t *ch, struct chan_node **queue, struct chan_node *n)
{
	ch->RETURNING++;
	queue_add(queue, n);
}

/* It has come back. True: it was the last, and the channel was destroyed meanwhile: free it, unlocked. */
ALWAYS_INLINE bool queue_left(weft_chan_t *ch, struct chan_node **queue, struct chan_node *n)
{
	if (n->next != NULL)
		queue_remove(queue, n);
	return --ch->RETURNING == 0 && unlikely(ch->closed == CHAN_DESTROYED);
}

ALWAYS_INLINE void elem_copy(void *to, const void *from, size_t size)
{
	if (likely(size == 8))
		memcpy(to, from, 8);
	else if (size == 4)
		memcpy(to, from, 4);
	else if (size == 16)
		memcpy(to, from, 16);
	else if (size != 0)
		memcpy(to, from, size);
}

/* The copy is a few instructions and no call. */
ALWAYS_INLINE bool elem_is_word(const weft_chan_t *ch)
{
	return ch->elem_size == 8 || ch->elem_size == 4;
}

/* Copies an element that is a word. */
ALWAYS_INLINE void word_copy(const weft_chan_t *ch, void *to, const void *from)
{
	/* A compiler that sees the whole program would warn of 8 bytes in a variable of 4. */
	__asm__("" : "+r"(to), "+r"(from));
	if (likely(ch->elem_size == 8))
		memcpy(to, from, 8);
	else
		memcpy(to, from, 4);
}

/* The receiver's side of a copy. */
ALWAYS_INLINE void elem_give(const weft_chan_t *ch, void *to, const void *from)
{
	if (to != NULL)
		elem_copy(to, from, ch->elem_size);
}

ALWAYS_INLINE void elem_clear(const weft_chan_t *ch, void *to)
{
	if (to != NULL)
		memset(to, 0, ch->elem_size);
}

ALWAYS_INLINE char *slot(weft_chan_t *ch, uint32_t index)
{
	return ch->buffer + (size_t)index * ch->elem_size;
}

ALWAYS_INLINE uint32_t next_index(const weft_chan_t *ch, uint32_t index)
{
	return index + 1 == ch->capacity ? 0 : index + 1;
}

/* Counts what was put at the tail. */
ALWAYS_INLINE void buffer_was_put(weft_chan_t *ch)
{
	ch->tail = next_index(ch, ch->tail);
	at_store(&ch->count, ch->count + 1, RELAXED);
}

/* Counts what was taken from the head. */
ALWAYS_INLINE void buffer_was_taken(weft_chan_t *ch)
{
	ch->head = next_index(ch, ch->head);
	at_store(&ch->count, ch->count - 1, RELAXED);
}

/* Requires the lock and room. */
ALWAYS_INLINE void buffer_put(weft_chan_t *ch, const void *elem)
{
	elem_copy(slot(ch, ch->tail), elem, ch->elem_size);
	buffer_was_put(ch);
}

/* Requires the lock and an element. */
ALWAYS_INLINE void buffer_take(weft_chan_t *ch, void *elem)
{
	elem_give(ch, elem, slot(ch, ch->head));
	buffer_was_taken(ch);
}

/* The same for an element that is a word: they call nothing. */
ALWAYS_INLINE void word_put(weft_chan_t *ch, const void *elem)
{
	word_copy(ch, slot(ch, ch->tail), elem);
	buffer_was_put(ch);
}
ALWAYS_INLINE void word_give(weft_chan_t *ch, void *to, const void *from)
{
	if (likely(to != NULL))
		word_copy(ch, to, from);
}
ALWAYS_INLINE void word_take(weft_chan_t *ch, void *elem)
{
	word_give(ch, elem, slot(ch, ch->head));
	buffer_was_taken(ch);
}

/* Would it not have to wait? A look without the lock: it may be out of date at once. */
ALWAYS_INLINE bool send_looks_ready(const weft_chan_t *ch)
{
	return at_load(&ch->count, RELAXED) < ch->capacity || at_load(&ch->receivers, RELAXED) != NULL ||
	       at_load(&ch->closed, RELAXED) != 0;
}

ALWAYS_INLINE bool recv_looks_ready(const weft_chan_t *ch)
{
	/* Acquire: closed is read last, or one that was closed with elements could look empty and open. */
	return at_load(&ch->count, ACQUIRE) != 0 || at_load(&ch->senders, ACQUIRE) != NULL ||
	       at_load(&ch->closed, RELAXED) != 0;
}

/* The same without branches, for a look at many of which nobody can predict which is ready. */
ALWAYS_INLINE bool send_looks_ready_flat(const weft_chan_t *ch)
{
	uintptr_t room = at_load(&ch->count, RELAXED) < ch->capacity;
	uintptr_t receivers = (uintptr_t)at_load(&ch->receivers, RELAXED);

	return (room | receivers | at_load(&ch->closed, RELAXED)) != 0;
}
ALWAYS_INLINE bool recv_looks_ready_flat(const weft_chan_t *ch)
{
	uint32_t count = at_load(&ch->count, ACQUIRE);
	uintptr_t senders = (uintptr_t)at_load(&ch->senders, ACQUIRE);

	return (count | senders | at_load(&ch->closed, RELAXED)) != 0;
}

/* One who tries in vain does not come to the lock: but another may wait for it, whose owner this is. */
ALWAYS_INLINE void polls(void)
{
	struct weft__thread *self = weft__self();

	if (self != NULL)
		answer_if_asked(self);
}

/* What an attempt under the lock came to. */
enum attempt {
	MUST_WAIT,
	DONE,   /* and *partner, if not NULL, was claimed and must be made ready after the lock is released */
	CLOSED, /* nothing more to receive; or nothing may be sent */
	CLAIMED /* a select in more than one queue was itself claimed by another */
};

/*
 * One attempt to send or receive without waiting. Requires the lock. me: the select that attempts it while it
 * stands in other queues and may be claimed; NULL: nobody can claim the caller.
 */
enum attempt weft__chan_send_locked(
	weft_chan_t *ch, const void *elem, struct weft__waiter *me, struct weft__waiter **partner);
enum attempt weft__chan_recv_locked(
	weft_chan_t *ch, void *elem, struct weft__waiter *me, struct weft__waiter **partner);
/* Makes a claimed partner ready, from outside. self may be NULL. */
void weft__chan_wake(struct weft__thread *self, struct weft__waiter *partner);
/* Frees the memory of one that queue_left said it for. */
COLD void weft__chan_free(weft_chan_t *ch);
WEFT_NORETURN COLD void weft__chan_panic(const weft_chan_t *ch, const char *call, const char *what);

#endif /* WEFT_CHAN_CHAN_H */

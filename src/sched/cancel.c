/*
 * cancel.c - cancel sources: how a context ends a blocked call. The upper half, contexts, is in src/sync.
 *
 * A call with a context links a node of its waiter to the source once its stack is saved (park.c), and takes
 * it out after the wait. The source is cancelled once; `error` is set first, under the lock, so a node that
 * is linked later finds it. The canceller takes the nodes off in batches and claims their waiters under the
 * lock.
 *
 * A linked waiter holds a reference and gives it up when it takes its node out, whoever woke it, so a source
 * may be released by its owner while calls are on their way out of it. References are counted under the lock,
 * since whoever links or unlinks holds it anyway.
 */
#include "sched/sched.h"

void weft__cancel_add(struct weft__cancel *cancel, struct weft__cancel_node *node)
{
	struct weft__cancel_node *first = cancel->first;

	if (first == NULL) {
		node->next = node->prev = node;
		cancel->first = node;
	} else {
		node->next = first;
		node->prev = first->prev;
		first->prev->next = node;
		first->prev = node;
	}
}

void weft__cancel_remove(struct weft__cancel *cancel, struct weft__cancel_node *node)
{
	if (node->next == node) {
		cancel->first = NULL;
	} else {
		node->next->prev = node->prev;
		node->prev->next = node->next;
		if (cancel->first == node)
			cancel->first = node->next;
	}
	node->next = NULL;
}

bool weft__cancel_claim(struct weft__cancel_node *node)
{
	struct weft__waiter *w = node->waiter;
	bool won = weft__claim(w, WAIT_CANCELED);

	if (won)
		w->value = (uintptr_t)node;
	return won;
}

bool weft__cancel_link(struct weft__cancel *cancel, struct weft__cancel_node *node, struct weft__waiter *w)
{
	int32_t error;

	node->kind = CANCEL_WAITER;
	node->waiter = w;
	node->next = NULL;
	lock_acquire(&cancel->lock);
	cancel->refs++;
	error = at_load(&cancel->error, RELAXED);
	if (likely(error == 0))
		weft__cancel_add(cancel, node);
	lock_release(&cancel->lock);
	return unlikely(error != 0) && weft__cancel_claim(node);
}

int32_t weft__cancel_unlink(struct weft__cancel *cancel, struct weft__cancel_node *node)
{
	int32_t error;
	bool last;

	lock_acquire(&cancel->lock);
	if (node->next != NULL)
		weft__cancel_remove(cancel, node);
	error = at_load(&cancel->error, RELAXED);
	last = --cancel->refs == 0;
	lock_release(&cancel->lock);
	if (last)
		cancel->free(cancel);
	return error;
}

void weft__cancel_put(struct weft__cancel *cancel)
{
	bool last;

	lock_acquire(&cancel->lock);
	last = --cancel->refs == 0;
	lock_release(&cancel->lock);
	if (last)
		cancel->free(cancel);
}

/*
 * life.c - how a channel comes to be and ends, and what it says of itself. The essay is in chan.c.
 */
#include "chan/chan.h"

#include <stdio.h>

#include "base/alloc.h"

/*
 * Bytes: no address space of a process is larger. The C library would say so, too, but a compiler that sees
 * the whole program may take out an allocation whose result is only compared with NULL.
 */
#define CHAN_MOST ((size_t)1 << 47)

void weft__chan_panic(const weft_chan_t *ch, const char *call, const char *what)
{
	if (ch == NULL)
		weft__panic("%s: channel NULL: %s", call, what);
	weft__panic("%s: channel %p%s%s%s (capacity %u, elements of %u bytes, created at %s): %s", call,
		(const void *)ch, ch->name != NULL ? " \"" : "", ch->name != NULL ? ch->name : "",
		ch->name != NULL ? "\"" : "", ch->capacity, ch->elem_size, ch->site, what);
}

size_t weft_chan_len(const weft_chan_t *ch)
{
	return ch != NULL ? at_load(&ch->count, RELAXED) : 0;
}

size_t weft_chan_cap(const weft_chan_t *ch)
{
	return ch != NULL ? ch->capacity : 0;
}

weft_chan_t *weft_chan_create_with_at(
	const weft_chan_options_t *options, size_t elem_size, size_t capacity, const char *site)
{
	size_t bytes;
	weft_chan_t *ch;

	if (options != NULL &&
		(options->size < offsetof(weft_chan_options_t, reserved) || options->size > sizeof *options))
		return NULL;
	if (elem_size > UINT32_MAX || capacity > UINT32_MAX ||
		__builtin_mul_overflow(elem_size, capacity, &bytes) ||
		__builtin_add_overflow(bytes, sizeof *ch, &bytes) || bytes > CHAN_MOST)
		return NULL;
	ch = weft__alloc_unset(bytes);
	if (ch == NULL)
		return NULL;
	memset(ch, 0, sizeof *ch);
	ch->lock = (struct weft__bias)WEFT__BIAS_INIT;
	ch->capacity = (uint32_t)capacity;
	ch->elem_size = (uint32_t)elem_size;
	ch->site = site;
	if (options != NULL) {
		ch->name = options->name;
		ch->drop = options->drop;
		ch->drop_arg = options->drop_arg;
		if (options->site != NULL)
			ch->site = options->site;
	}
	return ch;
}

weft_chan_t *weft_chan_create_at(size_t elem_size, size_t capacity, const char *site)
{
	return weft_chan_create_with_at(NULL, elem_size, capacity, site);
}

weft_chan_t *(weft_chan_create)(size_t elem_size, size_t capacity)
{
	return weft_chan_create_with_at(NULL, elem_size, capacity, "?");
}

weft_chan_t *(weft_chan_create_with)(const weft_chan_options_t *options, size_t elem_size, size_t capacity)
{
	return weft_chan_create_with_at(options, elem_size, capacity, "?");
}

static unsigned count(const struct chan_node *first)
{
	const struct chan_node *n = first;
	unsigned count = 0;

	if (n != NULL)
		do
			count += at_load(&n->waiter->state, RELAXED) <= WAIT_TRYING;
		while ((n = n->next) != first);
	return count;
}

void weft_chan_destroy(weft_chan_t *ch)
{
	struct weft__thread *self = weft__self();
	unsigned senders, receivers;
	bool last;

	if (ch == NULL)
		return;
	bias_acquire(self, &ch->lock);
	senders = count(ch->senders);
	receivers = count(ch->receivers);
	if (senders + receivers != 0) {
		char what[80];
		snprintf(what, sizeof what, "destroyed while %u wait to send and %u to receive", senders,
			receivers);
		weft__chan_panic(ch, "weft_chan_destroy", what);
	}
	if (ch->drop != NULL && ch->count != 0) {
		/* Outside of the lock. Who comes back meanwhile does not free it, and touches no element. */
		bias_release(self, &ch->lock);
		for (; ch->count != 0; ch->count--, ch->head = next_index(ch, ch->head))
			ch->drop(slot(ch, ch->head), ch->drop_arg);
		self = weft__self(); /* the function may have parked */
		bias_acquire(self, &ch->lock);
	}
	last = ch->RETURNING == 0;
	at_store(&ch->closed, CHAN_DESTROYED, RELAXED);
	bias_release(self, &ch->lock);
	if (last)
		weft__chan_free(ch);
}

void weft__chan_free(weft_chan_t *ch)
{
	weft__free(ch);
}

/* wake.c - makes ready what was claimed. */
#include "sync/wake.h"

uint32_t weft__wake_take_all(struct wake *wake, void **queue)
{
	struct weft__waiter *w;
	uint32_t n = 0;

	while ((w = waitq_first(*queue)) != NULL) {
		waitq_remove(queue, w);
		n += wake_take(wake, w);
	}
	return n;
}

void weft__wake_inside(struct weft__thread *self, const struct wake *wake)
{
	struct weft__list tasks = { NULL, NULL, 0 };
	struct weft__waiter *w, *next;

	for (w = wake->first; w != NULL; w = next) {
		struct weft__task *t = w->task;
		next = w->next;
		if (t == NULL) {
			weft__ready(self, w);
		} else if (weft__parked(w)) {
			list_add_ready(&tasks, t);
		}
	}
	/* One task takes the short way: it may run next, here. */
	if (tasks.count == 1)
		weft__make_ready(self, tasks.first);
	else
		weft__make_ready_list(self, &tasks);
}

NOINLINE void weft__wake_slow(const struct wake *wake)
{
	/* Without memory for a record they are woken all the same. */
	struct weft__thread *self = known() == 0 ? enter() : NULL;

	weft__wake_inside(self, wake);
	if (self != NULL)
		leave(self);
}

/* waitgroup.h - for what is built on a wait group: the debt of a task that belongs to one. */
#ifndef WEFT_SYNC_WAITGROUP_H
#define WEFT_SYNC_WAITGROUP_H

#include <weft/sync.h>

#include "sched/sched.h"

/* n tasks whose debt is to the wait group `to` have ended (struct weft__debt). */
void weft__waitgroup_settle(struct weft__thread *self, void *to, uint32_t n);

#endif /* WEFT_SYNC_WAITGROUP_H */

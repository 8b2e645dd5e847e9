/* group.h - for what is built on an error group. */
#ifndef WEFT_SYNC_GROUP_H
#define WEFT_SYNC_GROUP_H

#include <weft/group.h>

#include "sync/waitgroup.h"

/* The group has no task any more: gives up its context. Its first error. */
int weft__group_finish(weft_group_t *group);

/* Is the task one of the group's? For any task but the running one an answer about the past. */
ALWAYS_INLINE bool group_has(const weft_group_t *group, const struct weft__task *t)
{
	return t->debt.settle == weft__waitgroup_settle && t->debt.to == &group->weft__tasks;
}

/* Is the caller one of its tasks? */
ALWAYS_INLINE bool group_is_mine(const weft_group_t *group)
{
	struct weft__thread *self = weft__self();
	const struct weft__task *t = self != NULL ? at_load(&self->task, RELAXED) : NULL;

	return t != NULL && group_has(group, t);
}

#endif /* WEFT_SYNC_GROUP_H */

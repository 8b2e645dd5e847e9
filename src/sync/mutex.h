/* mutex.h - for what is built on a mutex. */
#ifndef WEFT_SYNC_MUTEX_H
#define WEFT_SYNC_MUTEX_H

#include <weft/mutex.h>

#include "sched/sched.h"

/* weft_mutex_unlock from inside, also with the lock of a condition held. */
void weft__mutex_unlock_inside(struct weft__thread *self, weft_mutex_t *mutex);

/* Does anybody hold it? Exact for the holder. */
bool weft__mutex_locked(const weft_mutex_t *mutex);

#endif /* WEFT_SYNC_MUTEX_H */

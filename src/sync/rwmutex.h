/* rwmutex.h - for what is built on a read-write mutex. */
#ifndef WEFT_SYNC_RWMUTEX_H
#define WEFT_SYNC_RWMUTEX_H

#include <weft/rwmutex.h>

#include "sched/sched.h"

/* weft_rwmutex_unlock and _runlock from inside, also with the lock of a condition held. */
void weft__rwmutex_unlock_inside(struct weft__thread *self, weft_rwmutex_t *rw);
void weft__rwmutex_runlock_inside(struct weft__thread *self, weft_rwmutex_t *rw);

/* Does a writer hold it? Exact for the holder. */
bool weft__rwmutex_write_locked(const weft_rwmutex_t *rw);

#endif /* WEFT_SYNC_RWMUTEX_H */

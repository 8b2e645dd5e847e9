/*
 * weft/rwmutex.h - read-write mutex: many readers, or one writer.
 *
 * A plain struct that lives in the caller's memory. Zeroed memory is one that nobody holds; it needs no
 * finish. It may be freed by a caller as soon as its call has returned and no other uses it. The calls work
 * from tasks and plain threads alike, also on one lock; those that wait park a task. The forms _until and
 * _ctx return -ETIMEDOUT at the deadline and the error of the context; all forms that wait return -ENOMEM or
 * -EAGAIN on a plain thread that cannot be made known to weft, as weft_go.
 *
 *     static struct {
 *         weft_rwmutex_t lock;
 *         struct table *table;                 // under the lock
 *     } config;
 *
 *     weft_rwmutex_rlock(&config.lock);
 *     value = table_find(config.table, key);   // as others may at the same time
 *     weft_rwmutex_runlock(&config.lock);
 *
 *     weft_rwmutex_lock(&config.lock);
 *     table_set(config.table, key, value);     // alone
 *     weft_rwmutex_unlock(&config.lock);
 *
 * Neither side starves: a writer that waits holds back the readers that come after it, and when a writer
 * unlocks, all readers that wait then go before the next writer.
 *
 * So who holds the lock for reading and locks it again, for reading too, waits for ever when a writer has
 * come in between; and a read lock cannot be made a write lock. Neither is found out: do not.
 *
 * The lock does not belong to a task: another may unlock it.
 *
 * Readers on different cores do not slow each other down: a lock that is only read for a while lets each
 * thread count its readers for itself, by plain stores. The next writer must gather these counts, which costs
 * as much as some hundred locked operations (some thousand in a virtual machine); so the lock does that again
 * only after ten times as long. Where a lock is written as often as read, weft_mutex_t is cheaper.
 */
#ifndef WEFT_RWMUTEX_H
#define WEFT_RWMUTEX_H

#include <weft/base.h>
#include <weft/mutex.h>

WEFT_EXTERN_C_BEGIN

typedef struct weft_rwmutex {
	uint64_t weft__state;
	int64_t weft__shared_until;
	uint32_t weft__lock;
	uint32_t weft__reserved;
	void *weft__readers;
	void *weft__writers;
} WEFT_CAPABILITY("rwmutex") weft_rwmutex_t;
#define WEFT_RWMUTEX_INIT                                                                                    \
	{                                                                                                    \
		0, 0, 0, 0, NULL, NULL                                                                       \
	}

/*
 * Locks it for writing: 0. Waits for the readers and the writer that hold it; writers are served in the order
 * of coming. Any thread; parks a task. Memory order: acquires what all holders before released. Cost when it
 * is free: one locked operation, and the gathering of the readers' counts where it was only read for long.
 */
WEFT_API int weft_rwmutex_lock(weft_rwmutex_t *rw) WEFT_ACQUIRE(rw);
/*
 * As weft_rwmutex_lock, or until the deadline: -ETIMEDOUT. The readers that it held back go on then. Any
 * thread; parks a task.
 */
WEFT_API int weft_rwmutex_lock_until(weft_rwmutex_t *rw, weft_time_t deadline) WEFT_TRY_ACQUIRE(0, rw);
/* The same until the context is cancelled: its error. Any thread; parks a task. */
WEFT_API int weft_rwmutex_lock_ctx(weft_rwmutex_t *rw, weft_context_t *ctx) WEFT_TRY_ACQUIRE(0, rw);

/*
 * Locks it for writing if nobody holds it: 0, or -EBUSY. Any thread; never parks. Cost: as weft_rwmutex_lock,
 * also when it is busy with readers.
 */
WEFT_API int weft_rwmutex_try_lock(weft_rwmutex_t *rw) WEFT_TRY_ACQUIRE(0, rw);

/*
 * Unlocks it for writing. All readers that wait go on; if there are none, the writer that has waited longest.
 * Panics when it is not locked for writing. Any thread; never parks. Memory order: release. The memory may be
 * gone as soon as another could lock it. Cost when nobody waits: one locked operation.
 */
WEFT_API void weft_rwmutex_unlock(weft_rwmutex_t *rw) WEFT_RELEASE(rw);

/*
 * Locks it for reading: 0. Waits while a writer holds it, or waits for it. Any thread; parks a task. Memory
 * order: acquires what the writers before released. Cost when no writer is about: one locked operation; none
 * where the lock is only read for a while.
 */
WEFT_API int weft_rwmutex_rlock(weft_rwmutex_t *rw) WEFT_ACQUIRE_SHARED(rw);
/* As weft_rwmutex_rlock, or until the deadline: -ETIMEDOUT. Any thread; parks a task. */
WEFT_API int weft_rwmutex_rlock_until(weft_rwmutex_t *rw, weft_time_t deadline)
	WEFT_TRY_ACQUIRE_SHARED(0, rw);
/* As weft_rwmutex_rlock, or until the context is cancelled: its error. Any thread; parks a task. */
WEFT_API int weft_rwmutex_rlock_ctx(weft_rwmutex_t *rw, weft_context_t *ctx) WEFT_TRY_ACQUIRE_SHARED(0, rw);

/* Locks it for reading unless a writer holds it or waits: 0, or -EBUSY. Any thread; never parks. */
WEFT_API int weft_rwmutex_try_rlock(weft_rwmutex_t *rw) WEFT_TRY_ACQUIRE_SHARED(0, rw);

/*
 * Gives up one read lock; the last one lets the writer that waits go on. Panics when nobody holds the lock
 * for reading. Any thread; never parks. Memory order: release, to the writers after it. The memory may be
 * gone as soon as a writer could lock it. Cost when no writer waits: as weft_rwmutex_rlock. A task that has
 * moved to another thread since its rlock may have to gather the counts, as a writer.
 */
WEFT_API void weft_rwmutex_runlock(weft_rwmutex_t *rw) WEFT_RELEASE_SHARED(rw);

/*
 * As weft_cond_wait (weft/mutex.h) with the lock, held for writing or for reading, in place of the mutex: it
 * is given up, and taken again in the same way before the return. Panics when it is not so held. One
 * condition may be used with different locks at the same time only where the caller's reasoning allows it.
 */
WEFT_API int weft_cond_wait_write(weft_cond_t *cond, weft_rwmutex_t *rw) WEFT_REQUIRES(rw);
WEFT_API int weft_cond_wait_write_until(weft_cond_t *cond, weft_rwmutex_t *rw, weft_time_t deadline)
	WEFT_REQUIRES(rw);
WEFT_API int weft_cond_wait_write_ctx(weft_cond_t *cond, weft_rwmutex_t *rw, weft_context_t *ctx)
	WEFT_REQUIRES(rw);
WEFT_API int weft_cond_wait_read(weft_cond_t *cond, weft_rwmutex_t *rw) WEFT_REQUIRES_SHARED(rw);
WEFT_API int weft_cond_wait_read_until(weft_cond_t *cond, weft_rwmutex_t *rw, weft_time_t deadline)
	WEFT_REQUIRES_SHARED(rw);
WEFT_API int weft_cond_wait_read_ctx(weft_cond_t *cond, weft_rwmutex_t *rw, weft_context_t *ctx)
	WEFT_REQUIRES_SHARED(rw);

/*
 * WEFT_RWMUTEX_GUARD(rw); locks it for writing until the block is left, WEFT_RWMUTEX_READ_GUARD(rw); for
 * reading: all as WEFT_MUTEX_GUARD (weft/mutex.h).
 */
#if !defined(__cplusplus)
WEFT_UNUSED static inline weft_rwmutex_t *weft__rwmutex_guard_enter(weft_rwmutex_t *rw)
	WEFT_ASSERT_CAPABILITY(rw);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline weft_rwmutex_t *weft__rwmutex_guard_enter(
	weft_rwmutex_t *rw)
{
	int err = weft_rwmutex_lock(rw);

	if (__builtin_expect(err != 0, 0))
		weft_panic("WEFT_RWMUTEX_GUARD: rwmutex %p: %s", (void *)rw, weft_strerror(err));
	return rw;
}
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__rwmutex_guard_leave(
	weft_rwmutex_t **guard)
{
	weft_rwmutex_unlock(*guard);
}
WEFT_UNUSED static inline weft_rwmutex_t *weft__rwmutex_read_guard_enter(weft_rwmutex_t *rw)
	WEFT_ASSERT_SHARED_CAPABILITY(rw);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline weft_rwmutex_t *weft__rwmutex_read_guard_enter(
	weft_rwmutex_t *rw)
{
	int err = weft_rwmutex_rlock(rw);

	if (__builtin_expect(err != 0, 0))
		weft_panic("WEFT_RWMUTEX_READ_GUARD: rwmutex %p: %s", (void *)rw, weft_strerror(err));
	return rw;
}
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__rwmutex_read_guard_leave(
	weft_rwmutex_t **guard)
{
	weft_rwmutex_runlock(*guard);
}
#define WEFT_RWMUTEX_GUARD(rw)                                                                               \
	weft_rwmutex_t *WEFT__CAT(weft__rwmutex_guard_, __LINE__)                                            \
		__attribute__((cleanup(weft__rwmutex_guard_leave), unused)) = weft__rwmutex_guard_enter(rw)
#define WEFT_RWMUTEX_READ_GUARD(rw)                                                                          \
	weft_rwmutex_t *WEFT__CAT(weft__rwmutex_guard_, __LINE__)                                            \
		__attribute__((cleanup(weft__rwmutex_read_guard_leave), unused)) =                           \
			weft__rwmutex_read_guard_enter(rw)
#else
class WEFT_SCOPED_CAPABILITY weft__rwmutex_guard
{
      public:
	explicit weft__rwmutex_guard(weft_rwmutex_t *rw) WEFT_ACQUIRE(rw) : weft__rwmutex(rw)
	{
		int err = weft_rwmutex_lock(rw);

		if (__builtin_expect(err != 0, 0))
			weft_panic("WEFT_RWMUTEX_GUARD: rwmutex %p: %s", (void *)rw, weft_strerror(err));
	}
	~weft__rwmutex_guard() WEFT_RELEASE()
	{
		weft_rwmutex_unlock(weft__rwmutex);
	}
	weft__rwmutex_guard(const weft__rwmutex_guard &) = delete;
	weft__rwmutex_guard &operator=(const weft__rwmutex_guard &) = delete;

      private:
	weft_rwmutex_t *weft__rwmutex;
};
class WEFT_SCOPED_CAPABILITY weft__rwmutex_read_guard
{
      public:
	explicit weft__rwmutex_read_guard(weft_rwmutex_t *rw) WEFT_ACQUIRE_SHARED(rw) : weft__rwmutex(rw)
	{
		int err = weft_rwmutex_rlock(rw);

		if (__builtin_expect(err != 0, 0))
			weft_panic("WEFT_RWMUTEX_READ_GUARD: rwmutex %p: %s", (void *)rw, weft_strerror(err));
	}
	~weft__rwmutex_read_guard() WEFT_RELEASE()
	{
		weft_rwmutex_runlock(weft__rwmutex);
	}
	weft__rwmutex_read_guard(const weft__rwmutex_read_guard &) = delete;
	weft__rwmutex_read_guard &operator=(const weft__rwmutex_read_guard &) = delete;

      private:
	weft_rwmutex_t *weft__rwmutex;
};
#define WEFT_RWMUTEX_GUARD(rw)                                                                               \
	weft__rwmutex_guard WEFT__CAT(weft__rwmutex_guard_, __LINE__)                                        \
	{                                                                                                    \
		(rw)                                                                                         \
	}
#define WEFT_RWMUTEX_READ_GUARD(rw)                                                                          \
	weft__rwmutex_read_guard WEFT__CAT(weft__rwmutex_guard_, __LINE__)                                   \
	{                                                                                                    \
		(rw)                                                                                         \
	}
#endif

WEFT_EXTERN_C_END

#endif /* WEFT_RWMUTEX_H */

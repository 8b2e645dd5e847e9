/*
 * weft/mutex.h - mutex and condition.
 *
 * Both are plain structs that live in the caller's memory. Zeroed memory is an unlocked mutex, and a
 * condition that nobody waits on; neither needs a finish. Each may be freed by a caller as soon as its call
 * has returned and no other uses it. The calls work from tasks and plain threads alike, also on one mutex;
 * those that wait park a task. The forms _until and _ctx return -ETIMEDOUT at the deadline and the error of
 * the context; all forms that wait return -ENOMEM or -EAGAIN on a plain thread that cannot be made known to
 * weft, as weft_go.
 *
 *     static struct {
 *         weft_mutex_t mutex;
 *         long balance;                        // under the mutex
 *     } account;
 *
 *     weft_mutex_lock(&account.mutex);
 *     account.balance += 10;
 *     weft_mutex_unlock(&account.mutex);
 */
#ifndef WEFT_MUTEX_H
#define WEFT_MUTEX_H

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

/*
 * Mutex: one holder at a time. It does not belong to a task: another may unlock it. Who holds it and locks it
 * again waits for ever.
 */
typedef struct weft_mutex {
	uint32_t weft__state;
	uint32_t weft__lock;
	void *weft__waiters;
} WEFT_CAPABILITY("mutex") weft_mutex_t;
#define WEFT_MUTEX_INIT                                                                                      \
	{                                                                                                    \
		0, 0, NULL                                                                                   \
	}

/*
 * Who gets a mutex that is unlocked while others wait. The default is what to use; the others are pure forms
 * of what is known, to measure them side by side.
 */
typedef enum weft_mutex_policy {
	/*
	 * Who has it may take it again for a turn of about 25 us of such locks and unlocks, then gives way to
	 * the first who waits, by one switch. Who waits is served in the order of coming; one that has waited
	 * for a millisecond and is passed all the same gets it by the next unlock.
	 */
	WEFT_MUTEX_DEFAULT,
	/* Whoever comes when it is unlocked, also past those that wait. Nothing bounds a wait. */
	WEFT_MUTEX_BARGING,
	/* An unlock gives it to the first who waits, always: the order of coming, at a switch for each. */
	WEFT_MUTEX_HANDOFF,
	/* As barging, but who waits does not sleep: it looks again and again, and lets others run between. */
	WEFT_MUTEX_SPINNING,
	/* Go before 1.9: barging; who comes spins for a moment before it sleeps. */
	WEFT_MUTEX_GO18,
	/*
	 * Go since 1.9: the same, until somebody has waited for a millisecond. From then on, until one gets
	 * it that has not waited so long or is the last that waits, each unlock gives it to the first who
	 * waits, and nobody spins.
	 */
	WEFT_MUTEX_GO19
} weft_mutex_policy_t;
#define WEFT_MUTEX_POLICIES 6

/* An unlocked mutex with a policy, a constant; WEFT_MUTEX_INIT has the default. */
#define WEFT_MUTEX_INIT_POLICY(policy)                                                                       \
	{                                                                                                    \
		(uint32_t)(policy) << 4, 0, NULL                                                             \
	}

/* "default", "barging", "handoff", "spinning", "go1.8", "go1.9"; NULL for any other number. Any thread. */
WEFT_API const char *weft_mutex_policy_name(weft_mutex_policy_t policy);

/*
 * Locks it: 0. Any thread; parks a task, perhaps also when it is free and others wait. Memory order: acquires
 * what the last holder released. Cost when it is free: one locked operation.
 */
WEFT_API int weft_mutex_lock(weft_mutex_t *mutex) WEFT_ACQUIRE(mutex);
WEFT_UNUSED static inline int weft__mutex_lock(weft_mutex_t *mutex) WEFT_ACQUIRE(mutex);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline int weft__mutex_lock(weft_mutex_t *mutex)
{
	uint32_t unlocked = 0;

	if (__builtin_expect(__atomic_compare_exchange_n(&mutex->weft__state, &unlocked, 1, 0,
				     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
		    1))
		return 0;
	return weft_mutex_lock(mutex);
}
#define weft_mutex_lock(mutex) weft__mutex_lock(mutex)

/* As weft_mutex_lock, or until the deadline: -ETIMEDOUT. Any thread; parks a task. */
WEFT_API int weft_mutex_lock_until(weft_mutex_t *mutex, weft_time_t deadline) WEFT_TRY_ACQUIRE(0, mutex);
/* As weft_mutex_lock, or until the context is cancelled: its error. Any thread; parks a task. */
WEFT_API int weft_mutex_lock_ctx(weft_mutex_t *mutex, weft_context_t *ctx) WEFT_TRY_ACQUIRE(0, mutex);

/* Locks it if it is free: 0, or -EBUSY. Any thread; never parks. */
WEFT_API int weft_mutex_try_lock(weft_mutex_t *mutex) WEFT_TRY_ACQUIRE(0, mutex);

/*
 * Unlocks it; somebody who waits is woken. Panics when it is not locked. Any thread; never parks. Memory
 * order: release. The memory may be gone as soon as another could lock it. Cost when nobody waits: one locked
 * operation.
 */
WEFT_API void weft_mutex_unlock(weft_mutex_t *mutex) WEFT_RELEASE(mutex);
WEFT_UNUSED static inline void weft__mutex_unlock(weft_mutex_t *mutex) WEFT_RELEASE(mutex);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__mutex_unlock(weft_mutex_t *mutex)
{
	uint32_t state = __atomic_load_n(&mutex->weft__state, __ATOMIC_RELAXED);

	/* Locked, and nobody waits. */
	if (__builtin_expect((state & 3) != 1 || !__atomic_compare_exchange_n(&mutex->weft__state, &state,
							 state - 1, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED),
		    0))
		weft_mutex_unlock(mutex);
}
#define weft_mutex_unlock(mutex) weft__mutex_unlock(mutex)

/*
 * Condition: tasks that wait for a change of what a mutex protects. Waiters are woken in the order in which
 * they came; nobody is woken for no reason, but others may have the mutex before one that was.
 */
typedef struct weft_cond {
	uint32_t weft__lock;
	uint32_t weft__reserved;
	void *weft__waiters;
} weft_cond_t;
#define WEFT_COND_INIT                                                                                       \
	{                                                                                                    \
		0, 0, NULL                                                                                   \
	}

/*
 * Unlocks the mutex, waits for a signal, and locks the mutex again, however long that takes: 0, or why the
 * wait ended without a signal; a signal is never lost to one who returns an error. For who signals with the
 * mutex held, or after it, the unlock and the beginning of the wait are one step. -ENOMEM and -EAGAIN leave
 * the mutex locked throughout. Panics when the mutex is not locked. Any thread; parks a task. Memory order: a
 * signal, or broadcast, happens before the return of the wait that it ends.
 */
WEFT_API int weft_cond_wait(weft_cond_t *cond, weft_mutex_t *mutex) WEFT_REQUIRES(mutex);
WEFT_API int weft_cond_wait_until(weft_cond_t *cond, weft_mutex_t *mutex, weft_time_t deadline)
	WEFT_REQUIRES(mutex);
WEFT_API int weft_cond_wait_ctx(weft_cond_t *cond, weft_mutex_t *mutex, weft_context_t *ctx)
	WEFT_REQUIRES(mutex);

/*
 * Wakes the one who has waited longest; nothing when nobody waits. The mutex need not be held. Any thread;
 * never parks.
 */
WEFT_API void weft_cond_signal(weft_cond_t *cond);

/* The same for all who wait. */
WEFT_API void weft_cond_broadcast(weft_cond_t *cond);

/*
 * WEFT_MUTEX_GUARD(mutex); among the declarations of a block locks the mutex there (weft_mutex_lock), and
 * unlocks it when the block is left in any way: at its end, by return, break, continue or goto, in C++ also
 * by an exception; not by longjmp. Panics when the lock fails, which it can on a plain thread that weft
 * does not know yet and has no memory to make known. One a line. Parks a task.
 *
 *     {
 *             WEFT_MUTEX_GUARD(&account.mutex);
 *             if (account.balance < sum)
 *                     return -1;
 *             account.balance -= sum;
 *     }
 *
 * Clang's analysis (WEFT_GUARDED_BY, weft/base.h) follows it in C++. In C it does not know where the guard
 * ends: the lock counts as held until the function ends, or the paths of one with the guard and one without
 * meet. So in C it does not miss an unlock, but it does not find what touches the data after the block, or a
 * second guard inside of the first; and it reports a lock by hand after the block, in the same function.
 */
#if !defined(__cplusplus)
WEFT_UNUSED static inline weft_mutex_t *weft__mutex_guard_enter(weft_mutex_t *mutex)
	WEFT_ASSERT_CAPABILITY(mutex);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline weft_mutex_t *weft__mutex_guard_enter(
	weft_mutex_t *mutex)
{
	int err = weft_mutex_lock(mutex);

	if (__builtin_expect(err != 0, 0))
		weft_panic("WEFT_MUTEX_GUARD: mutex %p: %s", (void *)mutex, weft_strerror(err));
	return mutex;
}
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__mutex_guard_leave(weft_mutex_t **guard)
{
	weft_mutex_unlock(*guard);
}
#define WEFT_MUTEX_GUARD(mutex)                                                                              \
	weft_mutex_t *WEFT__CAT(weft__mutex_guard_, __LINE__)                                                \
		__attribute__((cleanup(weft__mutex_guard_leave), unused)) = weft__mutex_guard_enter(mutex)
#else
class WEFT_SCOPED_CAPABILITY weft__mutex_guard
{
      public:
	explicit weft__mutex_guard(weft_mutex_t *mutex) WEFT_ACQUIRE(mutex) : weft__mutex(mutex)
	{
		int err = weft_mutex_lock(mutex);

		if (__builtin_expect(err != 0, 0))
			weft_panic("WEFT_MUTEX_GUARD: mutex %p: %s", (void *)mutex, weft_strerror(err));
	}
	~weft__mutex_guard() WEFT_RELEASE()
	{
		weft_mutex_unlock(weft__mutex);
	}
	weft__mutex_guard(const weft__mutex_guard &) = delete;
	weft__mutex_guard &operator=(const weft__mutex_guard &) = delete;

      private:
	weft_mutex_t *weft__mutex;
};
#define WEFT_MUTEX_GUARD(mutex)                                                                              \
	weft__mutex_guard WEFT__CAT(weft__mutex_guard_, __LINE__)                                            \
	{                                                                                                    \
		(mutex)                                                                                      \
	}
#endif

WEFT_EXTERN_C_END

#endif /* WEFT_MUTEX_H */

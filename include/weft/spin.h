/*
 * weft/spin.h - spin lock and seqlock: for sections of some instructions.
 *
 * Both are plain structs that live in the caller's memory. Zeroed memory is one that nobody holds; neither
 * needs a finish. The calls work from tasks and plain threads alike, cannot fail, and never park: who waits
 * keeps its thread. It pauses, longer each time; then it offers its core to other threads (sched_yield), and
 * after 64 of those it naps for 50 us at a time: the kernel may have taken the holder off its core, and no
 * spinning brings it back. No wait is bounded but by how long others hold it, and nobody is served in any
 * order.
 *
 * When to use them: hardly ever. A mutex (weft/mutex.h) that is free costs two locked operations for lock
 * and unlock together, a spin lock one, and the one waits for the store of the other: in a loop that was 9 ns
 * instead of 10.5. And one who must wait for a mutex lets others work meanwhile. What is left for the spin
 * lock are 4 bytes in each of a million small objects, locks that cannot fail, and sections that are shorter
 * than it takes to park. What is left for the seqlock is small data that is read all the time and written
 * seldom: its readers write no shared memory, so they do not disturb each other on any number of cores (16
 * bytes: 2.5 ns).
 *
 * What is held must be let go after some instructions. A section calls nothing that may park, allocate, or do
 * a system call. When a holder parks all the same, or is long, those who wait burn their threads meanwhile:
 * tasks hold up others for about ten milliseconds each until the runtime takes their processors away, and
 * each of them occupies a thread of its own until it has the lock. The program goes on, at a crawl; with
 * more of them than there may be threads (WEFT_MAXTHREADS) it stands still.
 */
#ifndef WEFT_SPIN_H
#define WEFT_SPIN_H

#include <stdbool.h>

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

/*
 * Spin lock: one holder at a time. It does not belong to a task or thread. Who holds it and locks it again
 * waits for ever.
 */
typedef struct weft_spin {
	uint32_t weft__state;
} WEFT_CAPABILITY("spin lock") weft_spin_t;
#define WEFT_SPIN_INIT                                                                                       \
	{                                                                                                    \
		0                                                                                            \
	}

/*
 * Locks it; spins while another holds it (see above), looking before it tries (test and test-and-set: L.
 * Rudolph, Z. Segall, "Dynamic decentralized cache schemes for MIMD parallel processors", ISCA 1984). Any
 * thread; never parks. Memory order: acquires what the last holder released. Cost when it is free: one locked
 * operation.
 */
WEFT_API void weft_spin_lock(weft_spin_t *spin) WEFT_ACQUIRE(spin);
WEFT_UNUSED static inline void weft__spin_lock(weft_spin_t *spin) WEFT_ACQUIRE(spin);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__spin_lock(weft_spin_t *spin)
{
	uint32_t unlocked = 0;

	/* Acquire: pairs with the release in weft_spin_unlock. */
	if (__builtin_expect(!__atomic_compare_exchange_n(
				     &spin->weft__state, &unlocked, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
		    0))
		weft_spin_lock(spin);
}
#define weft_spin_lock(spin) weft__spin_lock(spin)

/* Locks it if it is free: 0, or -EBUSY. Any thread; never spins. Memory order: as weft_spin_lock. */
WEFT_API int weft_spin_try_lock(weft_spin_t *spin) WEFT_TRY_ACQUIRE(0, spin);

/*
 * Unlocks it. Panics when it is not locked; when another has locked it meanwhile a second unlock is not
 * noticed, and is that one's. Any thread; never spins. Memory order: release. The memory may be gone as soon
 * as another could lock it. Cost: one load and one plain store; no locked operation.
 */
WEFT_API void weft_spin_unlock(weft_spin_t *spin) WEFT_RELEASE(spin);
WEFT_UNUSED static inline void weft__spin_unlock(weft_spin_t *spin) WEFT_RELEASE(spin);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__spin_unlock(weft_spin_t *spin)
{
	if (__builtin_expect(__atomic_load_n(&spin->weft__state, __ATOMIC_RELAXED) == 0, 0))
		weft_spin_unlock(spin); /* which panics */
	/* Release: pairs with the acquire of the next one that locks it. */
	__atomic_store_n(&spin->weft__state, 0, __ATOMIC_RELEASE);
}
#define weft_spin_unlock(spin) weft__spin_unlock(spin)

/*
 * WEFT_SPIN_GUARD(spin); among the declarations of a block locks it there, and unlocks it when the block is
 * left in any way: at its end, by return, break, continue or goto, in C++ also by an exception; not by
 * longjmp. One a line. For clang's analysis see WEFT_MUTEX_GUARD (weft/mutex.h).
 */
#if !defined(__cplusplus)
WEFT_UNUSED static inline weft_spin_t *weft__spin_guard_enter(weft_spin_t *spin) WEFT_ASSERT_CAPABILITY(spin);
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline weft_spin_t *weft__spin_guard_enter(
	weft_spin_t *spin)
{
	weft_spin_lock(spin);
	return spin;
}
WEFT_UNUSED WEFT_NO_THREAD_SAFETY_ANALYSIS static inline void weft__spin_guard_leave(weft_spin_t **guard)
{
	weft_spin_unlock(*guard);
}
#define WEFT_SPIN_GUARD(spin)                                                                                \
	weft_spin_t *WEFT__CAT(weft__spin_guard_, __LINE__)                                                  \
		__attribute__((cleanup(weft__spin_guard_leave), unused)) = weft__spin_guard_enter(spin)
#else
class WEFT_SCOPED_CAPABILITY weft__spin_guard
{
      public:
	explicit weft__spin_guard(weft_spin_t *spin) WEFT_ACQUIRE(spin) : weft__spin(spin)
	{
		weft_spin_lock(spin);
	}
	~weft__spin_guard() WEFT_RELEASE()
	{
		weft_spin_unlock(weft__spin);
	}
	weft__spin_guard(const weft__spin_guard &) = delete;
	weft__spin_guard &operator=(const weft__spin_guard &) = delete;

      private:
	weft_spin_t *weft__spin;
};
#define WEFT_SPIN_GUARD(spin)                                                                                \
	weft__spin_guard WEFT__CAT(weft__spin_guard_, __LINE__)                                              \
	{                                                                                                    \
		(spin)                                                                                       \
	}
#endif

/*
 * Seqlock: data with a number that each write counts up twice, before it and after it. A reader takes the
 * number, copies the data, and looks at the number again: when it has changed, it throws the copy away and
 * begins anew. So readers write no shared memory and never hold up a writer, and a reader waits as long as
 * writers come one after another. An odd number says that somebody writes: it is the lock of the writers,
 * too. 64 bits do not come round.
 *
 *     static weft_seqlock_t lock;
 *     static struct rates { double buy, sell; } rates;   // under the lock, from now on
 *
 *     weft_seqlock_store(&lock, &rates, &fresh, sizeof rates);
 *     weft_seqlock_load(&lock, &mine, &rates, sizeof rates);
 *
 * The data are read while they are written, which C allows to atomic accesses only. weft_seqlock_load and
 * weft_seqlock_store copy that way. Who uses begin and retry does so itself: each load of the data between
 * read_begin and read_retry is atomic and acquires, each store between write_begin and write_end is atomic
 * and releases (__atomic_load_n(&data, __ATOMIC_ACQUIRE), or atomic_load_explicit; on x86 these are plain
 * moves). Then one who reads a word that a writer has written also sees that this writer had begun, so that
 * read_retry tells; no fence is needed, and ThreadSanitizer understands it. Relaxed accesses are not
 * enough. (H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.) A
 * pointer in the data may be followed only after read_retry said false, and what it points to must not be
 * freed on the writers' word.
 */
typedef struct weft_seqlock {
	uint64_t weft__sequence;
} WEFT_CAPABILITY("seqlock") weft_seqlock_t;
#define WEFT_SEQLOCK_INIT                                                                                    \
	{                                                                                                    \
		0                                                                                            \
	}

/*
 * Begins to write; spins while another writes. Who then reads the same data, by load or by read_begin, waits
 * for ever; it may look at them as it likes, for nobody else writes. Any thread; never parks. Memory order:
 * acquires what the last writer released. Cost when nobody writes: one locked operation.
 */
WEFT_API void weft_seqlock_write_begin(weft_seqlock_t *seqlock) WEFT_ACQUIRE(seqlock);

/*
 * Ends the write. Panics when none has begun. Any thread; never spins. Memory order: release; a read_begin
 * that returns after it, and the next write_begin, acquire. Cost: one load and one plain store.
 */
WEFT_API void weft_seqlock_write_end(weft_seqlock_t *seqlock) WEFT_RELEASE(seqlock);

/*
 * Begins to read: the number for weft_seqlock_read_retry. Spins while somebody writes. Any thread; never
 * parks. Memory order: acquires what the last writer released. Cost when nobody writes: one load.
 */
WEFT_API uint64_t weft_seqlock_read_begin(const weft_seqlock_t *seqlock);
WEFT_UNUSED static inline uint64_t weft__seqlock_read_begin(const weft_seqlock_t *seqlock)
{
	/* Acquire: pairs with the release in weft_seqlock_write_end. */
	uint64_t sequence = __atomic_load_n(&seqlock->weft__sequence, __ATOMIC_ACQUIRE);

	return __builtin_expect(sequence % 2 == 0, 1) ? sequence : weft_seqlock_read_begin(seqlock);
}
#define weft_seqlock_read_begin(seqlock) weft__seqlock_read_begin(seqlock)

/*
 * True: somebody wrote since the read_begin that returned `sequence`; what was read since is worth nothing
 * and is to be read again, from read_begin on. False: it is as it was at one moment. Any thread; never
 * spins. Memory order: the loads before it must acquire (see above). Cost: one load.
 */
WEFT_API bool weft_seqlock_read_retry(const weft_seqlock_t *seqlock, uint64_t sequence);
WEFT_UNUSED static inline bool weft__seqlock_read_retry(const weft_seqlock_t *seqlock, uint64_t sequence)
{
	/* Relaxed: whose data were read, by an acquire, had made the number odd before. */
	return __builtin_expect(__atomic_load_n(&seqlock->weft__sequence, __ATOMIC_RELAXED) != sequence, 0) !=
	       0;
}
#define weft_seqlock_read_retry(seqlock, sequence) weft__seqlock_read_retry((seqlock), (sequence))

/*
 * Copies size bytes from `shared`, as they were between two writes, to `to`, which is the caller's own.
 * Spins while somebody writes, and pauses longer each time that a write came between. Reads 8 bytes at a
 * time where `shared` is aligned to 8, else one by one. For all data of one seqlock, or a part of it that
 * is stored alone likewise: the accesses of load and store must have the same sizes. Any thread; never
 * parks. Memory order: acquires what the writer released whose data it returns. Cost: two loads beside
 * those of the data.
 */
WEFT_API void weft_seqlock_load(const weft_seqlock_t *seqlock, void *to, const void *shared, size_t size)
	WEFT_EXCLUDES(seqlock);

/*
 * Copies size bytes from `from`, which is the caller's own, to `shared`, as one write between write_begin and
 * write_end. Accesses as weft_seqlock_load. Any thread; never parks. Memory order: release. Cost: as
 * write_begin and write_end.
 */
WEFT_API void weft_seqlock_store(weft_seqlock_t *seqlock, void *shared, const void *from, size_t size)
	WEFT_EXCLUDES(seqlock);

WEFT_EXTERN_C_END

#endif /* WEFT_SPIN_H */

/*
 * weft/base.h - what every other header of weft stands on: version, time, errors.
 *
 * Conventions that hold for the whole library
 *   - A call that can fail returns 0 (or a count) on success and a negative errno value on failure.
 *     errno itself is never set on purpose, and its value is unspecified after any call that may park
 *     the task: the task may go on on another thread, and errno belongs to the thread. The same holds
 *     for every thread_local variable of the program (see weft_pin in weft/task.h).
 *     Beware: the C library lets the compiler keep the place of errno across calls, so in a function that
 *     parks between, `read(...) < 0 && errno == EAGAIN` may look at another thread's errno even if read was
 *     called last. Put the call and the look at errno in a function of their own that does not park and is
 *     not inlined (examples/descriptors.c), or pin the task.
 *   - A deadline is absolute: nanoseconds of the monotonic clock, WEFT_NEVER for none. A resource that
 *     is available is taken even when the deadline has passed already. A cancelled context is another
 *     matter: a call with it returns at once, whatever is available.
 *   - Misuse (a negative counter, a panic outside of any rule) ends the program with a message that
 *     names the task, the object and the place, and exit status 2.
 *   - "Any thread" means: from a task and from a plain pthread alike.
 */
#ifndef WEFT_BASE_H
#define WEFT_BASE_H

#include <stddef.h>
#include <stdint.h>

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#define WEFT_NORETURN __attribute__((noreturn))
#define WEFT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WEFT_UNUSED __attribute__((unused))
#else
#error "weft needs gcc or clang"
#endif

/*
 * Which lock guards what, for clang's thread safety analysis (-Wthread-safety); empty for other compilers.
 * The locks of weft carry these marks already; a program says which of its data a lock guards and which of
 * its functions need a lock held.
 *
 *     static weft_mutex_t mutex;
 *     static long balance WEFT_GUARDED_BY(mutex);
 *     static void add(long sum) WEFT_REQUIRES(mutex);  // warned of: a call without the lock
 *
 * What clang's analysis does not see (clang 14 and 19)
 *   - It looks at one function at a time, and reports a lock that another one unlocks. Such functions say
 *     WEFT_ACQUIRE or WEFT_RELEASE, or WEFT_NO_THREAD_SAFETY_ANALYSIS.
 *   - A call that may fail to lock must stand in the condition, compared with 0, or its result must be what a
 *     variable is initialised with: `int err = weft_mutex_try_lock(&m); if (err != 0) ...`. It understands
 *     neither `(err = ...) != 0` nor `... < 0`.
 *   - In C it does not know that a member of a struct is guarded by another: clang before 19 refuses to
 *     compile WEFT_GUARDED_BY there, later ones report right code (LLVM issue 161854). For members there is
 *     WEFT_MEMBER_GUARDED_BY, which is empty in C.
 *
 *   WEFT_CAPABILITY("mutex")       a type that is a lock
 *   WEFT_SCOPED_CAPABILITY         a C++ class that holds one as long as it lives
 *   WEFT_GUARDED_BY(l)             data: read or written with l held only; PT_: what a pointer points to
 *   WEFT_MEMBER_GUARDED_BY(l)      the same for a member of a struct and a lock beside it; C++ only
 *   WEFT_REQUIRES(l...)            a function: called with the locks held, and does not unlock them
 *   WEFT_ACQUIRE, WEFT_RELEASE     a function: locks, unlocks
 *   WEFT_TRY_ACQUIRE(0, l...)      a function: has locked when it returns 0 (1: when it does not)
 *   WEFT_ASSERT_CAPABILITY(l)      a function: after it the lock counts as held, until the function ends
 *   WEFT_EXCLUDES(l...)            a function: called without the locks
 *   ..._SHARED                     the same for readers of a lock that may be many
 */
#if defined(__clang__)
#define WEFT__ANALYSIS(...) __attribute__((__VA_ARGS__))
#else
#define WEFT__ANALYSIS(...)
#endif
#if defined(__cplusplus)
#define WEFT__ANALYSIS_MEMBER(...) WEFT__ANALYSIS(__VA_ARGS__)
#else
#define WEFT__ANALYSIS_MEMBER(...)
#endif
#define WEFT_CAPABILITY(name) WEFT__ANALYSIS(capability(name))
#define WEFT_SCOPED_CAPABILITY WEFT__ANALYSIS(scoped_lockable)
#define WEFT_GUARDED_BY(lock) WEFT__ANALYSIS(guarded_by(lock))
#define WEFT_PT_GUARDED_BY(lock) WEFT__ANALYSIS(pt_guarded_by(lock))
#define WEFT_MEMBER_GUARDED_BY(lock) WEFT__ANALYSIS_MEMBER(guarded_by(lock))
#define WEFT_MEMBER_PT_GUARDED_BY(lock) WEFT__ANALYSIS_MEMBER(pt_guarded_by(lock))
#define WEFT_REQUIRES(...) WEFT__ANALYSIS(requires_capability(__VA_ARGS__))
#define WEFT_REQUIRES_SHARED(...) WEFT__ANALYSIS(requires_shared_capability(__VA_ARGS__))
#define WEFT_ACQUIRE(...) WEFT__ANALYSIS(acquire_capability(__VA_ARGS__))
#define WEFT_ACQUIRE_SHARED(...) WEFT__ANALYSIS(acquire_shared_capability(__VA_ARGS__))
#define WEFT_RELEASE(...) WEFT__ANALYSIS(release_capability(__VA_ARGS__))
#define WEFT_RELEASE_SHARED(...) WEFT__ANALYSIS(release_shared_capability(__VA_ARGS__))
#define WEFT_TRY_ACQUIRE(...) WEFT__ANALYSIS(try_acquire_capability(__VA_ARGS__))
#define WEFT_TRY_ACQUIRE_SHARED(...) WEFT__ANALYSIS(try_acquire_shared_capability(__VA_ARGS__))
#define WEFT_ASSERT_CAPABILITY(lock) WEFT__ANALYSIS(assert_capability(lock))
#define WEFT_ASSERT_SHARED_CAPABILITY(lock) WEFT__ANALYSIS(assert_shared_capability(lock))
#define WEFT_EXCLUDES(...) WEFT__ANALYSIS(locks_excluded(__VA_ARGS__))
#define WEFT_NO_THREAD_SAFETY_ANALYSIS WEFT__ANALYSIS(no_thread_safety_analysis)

#if defined(__cplusplus)
#define WEFT_EXTERN_C_BEGIN extern "C" {
#define WEFT_EXTERN_C_END }
#else
#define WEFT_EXTERN_C_BEGIN
#define WEFT_EXTERN_C_END
#endif

/* The place of a call as a string literal, "file.c:12". */
#define WEFT__STR_(x) #x
#define WEFT__STR(x) WEFT__STR_(x)
#define WEFT_HERE __FILE__ ":" WEFT__STR(__LINE__)

/* One name of two. */
#define WEFT__CAT_(a, b) a##b
#define WEFT__CAT(a, b) WEFT__CAT_(a, b)

WEFT_EXTERN_C_BEGIN

/* Absolute time: nanoseconds of CLOCK_MONOTONIC. */
typedef int64_t weft_time_t;

/* The deadline that never comes. */
#define WEFT_NEVER INT64_MAX

/* Durations in nanoseconds. The argument is an integer expression. */
#define WEFT_NS(n) ((int64_t)(n))
#define WEFT_US(n) ((int64_t)(n) * 1000)
#define WEFT_MS(n) ((int64_t)(n) * 1000000)
#define WEFT_S(n) ((int64_t)(n) * 1000000000)

/* The time now. Any thread; never blocks; costs one clock read (about 20 ns). */
WEFT_API weft_time_t weft_now(void);

/*
 * The deadline that lies duration_ns from now. A negative duration counts as 0; a sum that does not fit
 * is WEFT_NEVER. Any thread; never blocks; costs one clock read.
 */
WEFT_API weft_time_t weft_deadline_in(int64_t duration_ns);

/*
 * Cancellation (weft/context.h). Every call that blocks has three forms: the plain one waits as long as it
 * takes, `_until` has a deadline as its last parameter and `_ctx` a context. NULL is the context that is
 * never cancelled.
 */
typedef struct weft_context weft_context_t;

/*
 * The text for an error that a weft call returned (negative errno; the sign does not matter), for instance
 * "no memory" or "deadline passed". Never NULL; static storage; any thread; never blocks.
 */
WEFT_API const char *weft_strerror(int err);

/* The version of the library that runs, "MAJOR.MINOR.PATCH". Static storage. */
WEFT_API const char *weft_version(void);

/*
 * Ends the program: prints the message, the running task (id, name, creation site) and its stack on
 * stderr, and exits with status 2 without running atexit handlers. format as in printf.
 * Any thread; does not return.
 */
WEFT_API WEFT_NORETURN void weft_panic(const char *format, ...) WEFT_PRINTF(1, 2);

WEFT_EXTERN_C_END

#endif /* WEFT_BASE_H */

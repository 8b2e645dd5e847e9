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

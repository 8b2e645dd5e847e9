/*
 * os.h - what the runtime asks of an operating system. linux/ is the one answer today.
 *
 * Results are 0 or a negative errno unless said otherwise. Nothing here knows tasks.
 */
#ifndef WEFT_OS_OS_H
#define WEFT_OS_OS_H

#include "base/base.h"

/* ---- memory: address space is reserved in large pieces and committed by touching it ---- */

size_t weft__os_page_size(void);
/* Zeroed, readable and writable address space that costs memory only where it is touched; NULL: none left. */
void *weft__os_reserve(size_t size, size_t align);
void weft__os_release(void *memory, size_t size);
/* Never back this range with huge pages. */
void weft__os_small_pages(void *memory, size_t size);
/*
 * Makes n ranges of `size` bytes, `stride` apart, fault on access, at no map entry each; fails where the
 * kernel has no such call (MADV_GUARD_INSTALL, Linux 6.13).
 */
int weft__os_guard_install(void *first, size_t size, size_t stride, size_t n);
/* Undoes it for one range. */
void weft__os_guard_remove(void *memory, size_t size);
/* The same for one range by page protection: two map entries. */
int weft__os_guard_protect(void *memory, size_t size);
/* Commits n ranges now, cheaper than by touching each; where the kernel cannot, nothing happens. */
void weft__os_commit(void *first, size_t size, size_t stride, size_t n);
/* Gives the memory of n ranges back to the system; they read as zero afterwards. */
void weft__os_discard(char *const *bases, size_t n, size_t size);
/* How many map entries a process may have (vm.max_map_count). */
size_t weft__os_map_limit(void);

/* ---- clock ---- */

weft_time_t weft__os_now(void);

/* ---- futex ---- */

/*
 * Sleeps while *word == expected, until woken or the deadline: 0 or -ETIMEDOUT. May return 0 for no reason.
 */
int weft__os_futex_wait(uint32_t *word, uint32_t expected, weft_time_t deadline);
void weft__os_futex_wake(uint32_t *word, int n);

/* ---- threads ---- */

/*
 * A detached thread of the runtime, all signals but the synchronous ones blocked, on the CPUs that the
 * process had when weft__os_cpus was called. 0, -ENOMEM or -EAGAIN.
 */
int weft__os_thread_start(void (*fn)(void *), void *arg, const char *name);
int32_t weft__os_thread_id(void);
/* CPU time that the thread has used, nanoseconds; negative when it is gone. */
int64_t weft__os_thread_cpu(int32_t tid);
/* 1 when the thread sleeps in the kernel, 0 when it runs or could run, -1 when that cannot be told. */
int weft__os_thread_sleeps(int32_t tid);
/* Timed sleeps of the calling thread end on time and not up to 50 us later. */
void weft__os_thread_precise(void);
void weft__os_thread_yield(void);

/* CPUs that this process may use: the affinity mask, bounded by the cgroup's quota. At least 1. */
unsigned weft__os_cpus(void);

/* ---- asymmetric barrier (membarrier) ---- */

/* weft__os_barrier works, so light barriers may be nothing (barrier.h). Decided before main. */
extern bool weft__barriers_unequal INTERNAL;
/* Every thread of the process has passed a full memory barrier when this returns. */
void weft__os_barrier(void);

/* ---- poller ---- */

struct os_event {
	int fd;
	uint32_t tag;    /* of the arming that this reports */
	unsigned events; /* WEFT_READABLE, WEFT_WRITABLE; both on an error or a hang-up */
};

/* The epoll instance and the descriptor that interrupts it. */
struct os_poller {
	int epoll;
	int kick;
};

int weft__os_poller_open(struct os_poller *poller);
/*
 * Arms the descriptor for one report of any of the events; an earlier arming is replaced.
 * 1: the descriptor is always ready and cannot be polled.
 */
int weft__os_poller_arm(const struct os_poller *poller, int fd, unsigned events, uint32_t tag);
/*
 * Waits for reports until the deadline (at most n; 0 or less: only looks). The count, 0 at the deadline or
 * when kicked. One thread at a time may wait; any may look. A kick is consumed by who waits, never by who
 * looks.
 */
int weft__os_poller_wait(
	const struct os_poller *poller, struct os_event *events, int n, weft_time_t deadline);
/* Makes one present or future wait return at once. */
void weft__os_poller_kick(const struct os_poller *poller);
/* Waits for one descriptor in the calling thread: events, -ETIMEDOUT or another error. */
int weft__os_poll_one(int fd, unsigned events, weft_time_t deadline);

/* ---- faults ---- */

/*
 * Calls handler(address) from SIGSEGV and SIGBUS on an alternate stack. When it
 * returns, what the program had installed before takes the signal.
 */
int weft__os_fault_handler(void (*handler)(void *address));
/*
 * Gives the calling thread an alternate signal stack, if it has none; weft__os_altstack_free takes it back.
 */
int weft__os_altstack(void **handle);
void weft__os_altstack_free(void *handle);

#endif /* WEFT_OS_OS_H */

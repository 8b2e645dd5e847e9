/*
 * arch_tls.c - weft__self() tells the truth right after a task has moved to another thread.
 *
 * The kernel knows who runs: each thread id must always go with one and the same record. A compiler
 * that kept the value of weft__self(), or the address of the variable, across a call that moved the
 * task would pair the new thread's id with the old thread's record. Tasks yield, and sleep in the
 * kernel so that their processor is taken and they go on on another thread, until several have been
 * seen to move.
 */
/* weft-test: timeout=120 */
#include "arch/arch.h"

#include <weft/sync.h>
#include <weft/task.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);             \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

#define TASKS 32
#define ROUNDS 20  /* at least, for each task */
#define YIELDS 50  /* in a round, before its sleep */
#define MOVES 1000 /* to be seen before the tasks end */
#define SLEEP_NS 2000000

/* What is known of one thread. The thread that has taken an entry alone writes self, and reads it. */
struct entry {
	long tid;
	struct weft__thread *self;
};

#define ENTRIES 16384
static struct entry table[ENTRIES];
static unsigned long moves;

static long tid_now(void)
{
	return syscall(SYS_gettid);
}

/* Not inlined, so that the calls of weft__self stay in the functions that are tested. */
static __attribute__((noinline)) void check_pair(long tid, struct weft__thread *self)
{
	size_t i = (size_t)tid % ENTRIES;

	CHECK(self != NULL);
	for (size_t tried = 0; tried < ENTRIES; tried++, i = (i + 1) % ENTRIES) {
		long free_entry = 0;

		if (__atomic_load_n(&table[i].tid, __ATOMIC_RELAXED) == tid) {
			CHECK(table[i].self == self);
			return;
		}
		if (__atomic_compare_exchange_n(
			    &table[i].tid, &free_entry, tid, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			table[i].self = self;
			return;
		}
	}
	CHECK(!"more threads than entries");
}

/* Counts when the caller is on another thread than before. Returns the thread's id. */
static inline long check_here(long tid_before, struct weft__thread *self_before)
{
	struct weft__thread *self = weft__self();
	long tid = tid_now();

	check_pair(tid, self);
	CHECK((tid == tid_before) == (self == self_before));
	if (tid != tid_before)
		__atomic_fetch_add(&moves, 1, __ATOMIC_RELAXED);
	return tid;
}

/* Reads the record on both sides of a yield in one function: first in a straight line, then in a loop. */
static void yield_checked(void)
{
	struct weft__thread *first = weft__self();
	long tid = tid_now();
	struct weft__thread *second;
	struct weft__thread *third;

	check_pair(tid, first);
	weft_yield();
	second = weft__self();
	tid = check_here(tid, first);
	weft_yield();
	third = weft__self();
	tid = check_here(tid, second);
	for (int i = 0; i < YIELDS; i++) {
		weft_yield();
		tid = check_here(tid, third);
		third = weft__self();
	}
}

/* A system call that the runtime does not know of. */
static void sleep_in_kernel(void)
{
	struct timespec duration = { 0, SLEEP_NS };

	syscall(SYS_nanosleep, &duration, NULL);
}

static void mover(void *arg)
{
	(void)arg;
	for (int round = 0; round < ROUNDS || __atomic_load_n(&moves, __ATOMIC_RELAXED) < MOVES; round++) {
		yield_checked();
		sleep_in_kernel();
	}
}

static void start(void *arg)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (int i = 0; i < TASKS; i++)
		CHECK(weft_waitgroup_go(&group, mover, NULL) == 0);
	weft_waitgroup_wait(&group);
}

int main(void)
{
	CHECK(setenv("WEFT_PROCS", "4", 1) == 0);
	CHECK(weft_run(start, NULL) == 0);
	return 0;
}

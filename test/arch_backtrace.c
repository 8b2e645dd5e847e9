/*
 * arch_backtrace.c - stack walks inside a task, by frame pointers and by unwind tables: both see every
 * function between the place of the walk and weft__arch_start, and end there; also after the task was
 * switched away from and resumed. Before that, the same in a bare context whose stack has return
 * addresses above its top.
 *
 * Each function of the chain stands alone in a section, whose bounds the linker gives. arch_gdb.sh runs
 * this program in gdb and looks for the same names.
 */
#include "arch/arch.h"

#include <weft/sync.h>
#include <weft/task.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);             \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

#define FRAMES_MAX 24

struct walk {
	uintptr_t pc[FRAMES_MAX];
	int count;
};

/* The bounds of the code of a function that is defined with ALONE(name). */
#define ALONE(name) __attribute__((noinline, used, section("code_" #name))) name
#define BOUNDS(name) extern const char __start_code_##name[], __stop_code_##name[]
#define INSIDE(name, pc) ((pc) > (uintptr_t)__start_code_##name && (pc) <= (uintptr_t)__stop_code_##name)

int trace_inner(int depth);
int trace_middle(int depth);
int trace_outer(int depth);
void trace_task(void *arg);
void trace_here(void);

BOUNDS(trace_inner);
BOUNDS(trace_middle);
BOUNDS(trace_outer);
BOUNDS(trace_task);

void weft__arch_start(void);
#define START_SIZE 16 /* more than the code of weft__arch_start has */

/* Through these the compiler cannot see whom it calls, so it neither inlines nor clones. */
static int (*volatile call_inner)(int) = trace_inner;
static int (*volatile call_middle)(int) = trace_middle;
static int (*volatile call_outer)(int) = trace_outer;
static void (*volatile call_yield)(void);

static void walk_frames(struct walk *walk, const char *frame)
{
	walk->count = 0;
	while (frame != NULL) {
		uintptr_t next;

		CHECK(walk->count < FRAMES_MAX);
		memcpy(&walk->pc[walk->count], frame + WEFT__ARCH_FRAME_PC, sizeof(uintptr_t));
		memcpy(&next, frame + WEFT__ARCH_FRAME_FP, sizeof next);
		CHECK(next == 0 || next > (uintptr_t)frame);
		frame = (const char *)next;
		walk->count++;
	}
}

static _Unwind_Reason_Code unwind_step(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = (struct walk *)arg;

	CHECK(walk->count < FRAMES_MAX);
	walk->pc[walk->count++] = (uintptr_t)_Unwind_GetIP(context);
	return _URC_NO_REASON;
}

static void walk_tables(struct walk *walk)
{
	walk->count = 0;
	CHECK(_Unwind_Backtrace(unwind_step, walk) == _URC_END_OF_STACK);
	while (walk->count > 0 && walk->pc[walk->count - 1] == 0)
		walk->count--;
}

/* The walk ends with the call of entry in weft__arch_start. */
static void check_start(uintptr_t pc)
{
	uintptr_t start = (uintptr_t)weft__arch_start;

	CHECK(pc > start && pc <= start + START_SIZE);
}

/* The chain stands in the walk from `first` on; a few frames of the runtime are between it and the end. */
static void check_walk(const struct walk *walk, int first)
{
	fprintf(stderr, "frames:");
	for (int i = 0; i < walk->count; i++)
		fprintf(stderr, " %#lx", (unsigned long)walk->pc[i]);
	fprintf(stderr, "\n");
	CHECK(walk->count >= first + 4);
	CHECK(walk->count <= first + 3 + 6);
	CHECK(INSIDE(trace_middle, walk->pc[first]));
	CHECK(INSIDE(trace_outer, walk->pc[first + 1]));
	CHECK(INSIDE(trace_task, walk->pc[first + 2]));
	check_start(walk->pc[walk->count - 1]);
}

/* How many frames of a walk lie inside the innermost function or below it. */
static int inner_frames(const struct walk *walk)
{
	int i = 0;

	while (i < walk->count && !INSIDE(trace_inner, walk->pc[i]))
		i++;
	CHECK(i < walk->count);
	return i + 1;
}

static void check_same(const struct walk *a, int first_a, const struct walk *b, int first_b)
{
	CHECK(a->count - first_a == b->count - first_b);
	for (int i = 0; first_a + i < a->count; i++)
		CHECK(a->pc[first_a + i] == b->pc[first_b + i]);
}

/* For a breakpoint. */
__attribute__((noinline, used)) void trace_here(void)
{
	__asm__ volatile("" : : : "memory");
}

int ALONE(trace_inner)(int depth)
{
	struct walk frames;
	struct walk tables;
	struct walk again;
	int first;

	walk_frames(&frames, (const char *)__builtin_frame_address(0));
	check_walk(&frames, 0);
	walk_tables(&tables);
	first = inner_frames(&tables);
	check_walk(&tables, first);
	check_same(&frames, 0, &tables, first);

	call_yield();
	walk_frames(&again, (const char *)__builtin_frame_address(0));
	check_same(&frames, 0, &again, 0);
	walk_tables(&again);
	check_same(&frames, 0, &again, inner_frames(&again));

	trace_here();
	return depth + 1;
}

int ALONE(trace_middle)(int depth)
{
	volatile int result = call_inner(depth + 1);

	return __builtin_frame_address(0) == NULL ? 0 : result;
}

int ALONE(trace_outer)(int depth)
{
	volatile int result = call_middle(depth + 1);

	return __builtin_frame_address(0) == NULL ? 0 : result;
}

void ALONE(trace_task)(void *arg)
{
	volatile int result = call_outer(0);

	CHECK(result == 3);
	CHECK(__builtin_frame_address(0) != arg);
}

/* A walk that went past the outermost frame of this context would find more functions. */

#define STACK_WORDS 4096
#define BAIT_WORDS 64

static void *bare_context;
static void *main_context;

static void bare_entry(void)
{
	struct walk frames;
	struct walk tables;

	walk_frames(&frames, (const char *)__builtin_frame_address(0));
	CHECK(frames.count == 1);
	check_start(frames.pc[0]);
	walk_tables(&tables);
	CHECK(tables.count >= 2 && tables.count <= 3);
	check_start(tables.pc[tables.count - 1]);
	weft__arch_switch(&bare_context, main_context);
}

static void trace_bare(void)
{
	uintptr_t *stack = (uintptr_t *)aligned_alloc(16, sizeof(uintptr_t) * (STACK_WORDS + BAIT_WORDS));

	CHECK(stack != NULL);
	for (int i = 0; i < BAIT_WORDS; i++)
		stack[STACK_WORDS + i] = (uintptr_t)__start_code_trace_outer + 8;
	bare_context = weft__arch_prepare(stack + STACK_WORDS, bare_entry);
	weft__arch_switch(&main_context, bare_context);
	free(stack);
}

/* Lets other tasks run, so that the caller is switched away from for certain. */
static unsigned turns;

static void yield_until_seen(void)
{
	unsigned before = __atomic_load_n(&turns, __ATOMIC_RELAXED);

	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < before + 10)
		weft_yield();
}

static int stop;

static void other_task(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		weft_yield();
	}
}

static void start(void *arg)
{
	weft_waitgroup_t traced = WEFT_WAITGROUP_INIT;
	weft_waitgroup_t others = WEFT_WAITGROUP_INIT;

	CHECK(weft_waitgroup_go(&others, other_task, NULL) == 0);
	CHECK(weft_waitgroup_go(&others, other_task, NULL) == 0);
	CHECK(weft_waitgroup_go(&traced, trace_task, arg) == 0);
	weft_waitgroup_wait(&traced);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	weft_waitgroup_wait(&others);
}

int main(void)
{
	trace_bare();
	call_yield = yield_until_seen;
	CHECK(weft_run(start, NULL) == 0);
	return 0;
}

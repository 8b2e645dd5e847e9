/*
 * arch_fpu.c - the floating-point control state (rounding, flush to zero, x87 precision, masks) belongs
 * to the context: kept over switches, and given by the preparer to a new context. First with the bare
 * switch, then with tasks.
 */
/* weft-test: libs=m */
#include "arch/arch.h"

#include <weft/sync.h>
#include <weft/task.h>

#include <fenv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);             \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
#define MODES 4

/* The processor's control state as one word, and a bit in it besides rounding that can be set, or 0. */
#if defined(__x86_64__)
#define FLUSH_TO_ZERO (UINT64_C(1) << 15)

/* mxcsr without the exception flags in the low half, the x87 control word in the high half. */
static uint64_t control_get(void)
{
	uint32_t mxcsr;
	uint16_t x87;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
	return (mxcsr & 0xffc0u) | (uint64_t)x87 << 32;
}

static void control_set(uint64_t control)
{
	uint32_t mxcsr = (uint32_t)control;
	uint16_t x87 = (uint16_t)(control >> 32);

	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	__asm__ volatile("fldcw %0" : : "m"(x87));
}
#elif defined(__aarch64__)
#define FLUSH_TO_ZERO (UINT64_C(1) << 24)

static uint64_t control_get(void)
{
	uint64_t control;

	__asm__ volatile("mrs %0, fpcr" : "=r"(control));
	return control;
}

static void control_set(uint64_t control)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(control));
}
#elif defined(__riscv)
#define FLUSH_TO_ZERO 0

static uint64_t control_get(void)
{
	uint64_t control;

	__asm__ volatile("frrm %0" : "=r"(control));
	return control;
}

static void control_set(uint64_t control)
{
	__asm__ volatile("fsrm %0" : : "r"(control));
}
#endif

/* 1/3 or -1/3 as the rounding mode in force makes it. */
static double third(double sign)
{
	volatile double one = sign;
	volatile double three = 3.0;
	volatile double result = one / three;

	return result;
}

/* What each mode makes of 1/3 and -1/3. */
static double thirds[MODES][2];

static void check_mode(int mode)
{
	CHECK(fegetround() == modes[mode]);
	CHECK(third(1.0) == thirds[mode][0]);
	CHECK(third(-1.0) == thirds[mode][1]);
}

static void thirds_fill(void)
{
	for (int i = 0; i < MODES; i++) {
		CHECK(fesetround(modes[i]) == 0);
		thirds[i][0] = third(1.0);
		thirds[i][1] = third(-1.0);
	}
	CHECK(fesetround(FE_TONEAREST) == 0);
	CHECK(thirds[1][0] != thirds[2][0]);
	CHECK(thirds[1][1] != thirds[2][1]);
}

/* One context beside the main one. */

#define STACK_SIZE 65536

static void *main_context;
static void *other_context;
static uint64_t other_at_entry;

static void to_main(void)
{
	weft__arch_switch(&other_context, main_context);
}

static void to_other(void)
{
	weft__arch_switch(&main_context, other_context);
}

/* A context, prepared now and entered by to_other, which runs body. Returns its stack, to be freed. */
static void *other_prepare(void (*body)(void))
{
	char *stack = (char *)malloc(STACK_SIZE);

	CHECK(stack != NULL);
	other_context = weft__arch_prepare(stack + STACK_SIZE - (uintptr_t)(stack + STACK_SIZE) % 16, body);
	return stack;
}

static void rounding_body(void)
{
	check_mode(1); /* as the preparer had it, not as it is where the switch was made */
	CHECK(fesetround(FE_TOWARDZERO) == 0);
	to_main();
	check_mode(3);
	CHECK(fesetround(FE_TONEAREST) == 0);
	to_main();
	check_mode(0);
	to_main();
}

static void test_rounding(void)
{
	void *stack;

	CHECK(fesetround(FE_UPWARD) == 0);
	stack = other_prepare(rounding_body);
	CHECK(fesetround(FE_DOWNWARD) == 0);
	to_other();
	check_mode(2);
	to_other();
	check_mode(2);
	to_other();
	check_mode(2);
	CHECK(fesetround(FE_TONEAREST) == 0);
	free(stack);
}

static uint64_t control_theirs;

static void control_body(void)
{
	other_at_entry = control_get();
	control_set(control_theirs);
	for (;;) {
		to_main();
		CHECK(control_get() == control_theirs);
	}
}

/* Two contexts that differ in the given control states keep them, in both directions. */
static void test_control(uint64_t ours, uint64_t theirs)
{
	uint64_t initial = control_get();
	void *stack;

	control_theirs = theirs;
	control_set(ours);
	CHECK(control_get() == ours);
	stack = other_prepare(control_body);
	control_set(initial);
	to_other();
	CHECK(other_at_entry == ours);
	CHECK(control_get() == initial);
	control_set(ours);
	for (int i = 0; i < 100; i++) {
		to_other();
		CHECK(control_get() == ours);
	}
	control_set(initial);
	free(stack);
}

static void test_controls(void)
{
	uint64_t plain = control_get();

	test_control(plain, plain);
	if (FLUSH_TO_ZERO != 0) {
		test_control(plain, plain | FLUSH_TO_ZERO);
		test_control(plain | FLUSH_TO_ZERO, plain);
	}
#if defined(__x86_64__)
	{
		const uint64_t denormals_are_zero = UINT64_C(1) << 6;
		const uint64_t mask_inexact = UINT64_C(1) << 12;
		const uint64_t x87_precision = UINT64_C(3) << 40;
		const uint64_t x87_mask_zero_divide = UINT64_C(1) << 34;

		test_control(plain, plain | denormals_are_zero);
		test_control(plain, plain & ~mask_inexact);
		test_control(plain, plain & ~x87_precision);
		test_control(plain & ~x87_precision, plain);
		test_control(plain, plain & ~x87_mask_zero_divide);
		test_control(plain | FLUSH_TO_ZERO, plain & ~x87_precision);
	}
#endif
	CHECK(control_get() == plain);
}

#if defined(__x86_64__)
static void x87_sqrt(double value)
{
	double result;

	__asm__ volatile("fldl %1\n\tfsqrt\n\tfstpl %0\n\tfwait" : "=m"(result) : "m"(value));
}

static void trap_body(void)
{
	const uint64_t x87_mask_invalid = UINT64_C(1) << 32;

	control_set(control_get() & ~x87_mask_invalid);
	to_main();
	x87_sqrt(4.0);
	to_main();
}

/* An x87 exception flag, left by a context that masks it, does not trap in one that does not. */
static void test_stale_flag(void)
{
	void *stack = other_prepare(trap_body);

	to_other();
	x87_sqrt(-1.0);
	to_other();
	__asm__ volatile("fnclex");
	free(stack);
}
#else
static void test_stale_flag(void)
{
}
#endif

/* Tasks with different rounding modes that yield to each other. */

#define TASKS 12
#define YIELDS 2000

static void rounding_task(void *arg)
{
	int mode = (int)(intptr_t)arg % MODES;

	CHECK(fesetround(modes[mode]) == 0);
	for (int i = 0; i < YIELDS; i++) {
		weft_yield();
		check_mode(mode);
		if (i == YIELDS / 2) {
			mode = (mode + 1) % MODES;
			CHECK(fesetround(modes[mode]) == 0);
		}
	}
}

static void test_tasks(void *arg)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (intptr_t i = 0; i < TASKS; i++)
		CHECK(weft_waitgroup_go(&group, rounding_task, (void *)i) == 0);
	weft_waitgroup_wait(&group);
	check_mode(0);
}

int main(void)
{
	thirds_fill();
	test_rounding();
	test_controls();
	test_stale_flag();
	CHECK(fegetround() == FE_TONEAREST);
	CHECK(weft_run(test_tasks, NULL) == 0);
	return 0;
}

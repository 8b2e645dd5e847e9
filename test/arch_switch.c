/*
 * arch_switch.c - the context switch by itself: contexts on malloc'ed stacks, no runtime.
 *
 * pattern_switch loads a pattern into every callee-saved register, switches, and stores what the
 * registers hold when it is resumed. As every context does so with patterns of its own, each switch
 * trashes what the other contexts must find again.
 */
#include "arch/arch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);             \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

/* Registers of `in` and `out`, REGISTERS words, in the order in which they are named below. */
void pattern_switch(void **save, void *load, const uint64_t *in, uint64_t *out);

/* An entry for weft__arch_prepare: calls entered with the stack pointer it was itself called with. */
void raw_entry(void);
void entered(uintptr_t sp);

#if defined(__x86_64__)
#define REGISTERS 6
#define ENTRY_BELOW_TOP 8 /* the return address */
__asm__(".text\n"
	".p2align 4\n"
	".globl pattern_switch\n"
	".type pattern_switch, @function\n"
	"pattern_switch:\n"
	"	endbr64\n"
	"	pushq %rbx\n"
	"	pushq %rbp\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	pushq %rcx\n"
	"	movq 0(%rdx), %rbx\n"
	"	movq 8(%rdx), %rbp\n"
	"	movq 16(%rdx), %r12\n"
	"	movq 24(%rdx), %r13\n"
	"	movq 32(%rdx), %r14\n"
	"	movq 40(%rdx), %r15\n"
	"	call weft__arch_switch\n"
	"	popq %rcx\n"
	"	movq %rbx, 0(%rcx)\n"
	"	movq %rbp, 8(%rcx)\n"
	"	movq %r12, 16(%rcx)\n"
	"	movq %r13, 24(%rcx)\n"
	"	movq %r14, 32(%rcx)\n"
	"	movq %r15, 40(%rcx)\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbp\n"
	"	popq %rbx\n"
	"	ret\n"
	".size pattern_switch, . - pattern_switch\n"
	".globl raw_entry\n"
	".type raw_entry, @function\n"
	"raw_entry:\n"
	"	endbr64\n"
	"	movq %rsp, %rdi\n"
	"	jmp entered\n"
	".size raw_entry, . - raw_entry\n");
#elif defined(__aarch64__)
#define REGISTERS 19
#define ENTRY_BELOW_TOP 0
/* op(first, second, offset, base) for x19 ... x29, d8 ... d15 */
#define EACH(op1, op2, base)                                                                                 \
	"	" op2 " x19, x20, [" base ", #0]\n"                                                          \
	"	" op2 " x21, x22, [" base ", #16]\n"                                                         \
	"	" op2 " x23, x24, [" base ", #32]\n"                                                         \
	"	" op2 " x25, x26, [" base ", #48]\n"                                                         \
	"	" op2 " x27, x28, [" base ", #64]\n"                                                         \
	"	" op1 " x29, [" base ", #80]\n"                                                              \
	"	" op2 " d8, d9, [" base ", #88]\n"                                                           \
	"	" op2 " d10, d11, [" base ", #104]\n"                                                        \
	"	" op2 " d12, d13, [" base ", #120]\n"                                                        \
	"	" op2 " d14, d15, [" base ", #136]\n"
__asm__(".text\n"
	".p2align 4\n"
	".globl pattern_switch\n"
	".type pattern_switch, %function\n"
	"pattern_switch:\n"
	"	hint #34\n"
	"	sub sp, sp, #176\n" EACH("str", "stp", "sp") "	stp x3, x30, [sp, #152]\n" EACH("ldr", "ldp",
		"x2") "	bl weft__arch_switch\n"
		      "	ldp x3, x30, [sp, #152]\n" EACH("str", "stp", "x3")
			      EACH("ldr", "ldp", "sp") "	add sp, sp, #176\n"
						       "	ret\n"
						       ".size pattern_switch, . - pattern_switch\n"
						       ".globl raw_entry\n"
						       ".type raw_entry, %function\n"
						       "raw_entry:\n"
						       "	hint #34\n"
						       "	mov x0, sp\n"
						       "	b entered\n"
						       ".size raw_entry, . - raw_entry\n");
#elif defined(__riscv)
#define REGISTERS 24
#define ENTRY_BELOW_TOP 0
#define EACH(op, fop, base)                                                                                  \
	"	" op " s0, 0(" base ")\n"                                                                    \
	"	" op " s1, 8(" base ")\n"                                                                    \
	"	" op " s2, 16(" base ")\n"                                                                   \
	"	" op " s3, 24(" base ")\n"                                                                   \
	"	" op " s4, 32(" base ")\n"                                                                   \
	"	" op " s5, 40(" base ")\n"                                                                   \
	"	" op " s6, 48(" base ")\n"                                                                   \
	"	" op " s7, 56(" base ")\n"                                                                   \
	"	" op " s8, 64(" base ")\n"                                                                   \
	"	" op " s9, 72(" base ")\n"                                                                   \
	"	" op " s10, 80(" base ")\n"                                                                  \
	"	" op " s11, 88(" base ")\n"                                                                  \
	"	" fop " fs0, 96(" base ")\n"                                                                 \
	"	" fop " fs1, 104(" base ")\n"                                                                \
	"	" fop " fs2, 112(" base ")\n"                                                                \
	"	" fop " fs3, 120(" base ")\n"                                                                \
	"	" fop " fs4, 128(" base ")\n"                                                                \
	"	" fop " fs5, 136(" base ")\n"                                                                \
	"	" fop " fs6, 144(" base ")\n"                                                                \
	"	" fop " fs7, 152(" base ")\n"                                                                \
	"	" fop " fs8, 160(" base ")\n"                                                                \
	"	" fop " fs9, 168(" base ")\n"                                                                \
	"	" fop " fs10, 176(" base ")\n"                                                               \
	"	" fop " fs11, 184(" base ")\n"
__asm__(".text\n"
	".p2align 4\n"
	".globl pattern_switch\n"
	".type pattern_switch, @function\n"
	"pattern_switch:\n"
	"	addi sp, sp, -208\n" EACH("sd", "fsd",
		"sp") "	sd a3, 192(sp)\n"
		      "	sd ra, 200(sp)\n" EACH("ld", "fld",
			      "a2") "	call weft__arch_switch\n"
				    "	ld a3, 192(sp)\n"
				    "	ld ra, 200(sp)\n" EACH("sd", "fsd", "a3") EACH(
					    "ld", "fld", "sp") "	addi sp, sp, 208\n"
							       "	ret\n"
							       ".size pattern_switch, . - pattern_switch\n"
							       ".globl raw_entry\n"
							       ".type raw_entry, @function\n"
							       "raw_entry:\n"
							       "	mv a0, sp\n"
							       "	tail entered\n"
							       ".size raw_entry, . - raw_entry\n");
#endif

#define STACK_SIZE 65536
#define MARGIN 256 /* bytes above the stack that nobody may touch */
#define MARK 0xa5

/* A malloc'ed stack with a margin of marked bytes above it. */
struct stack {
	unsigned char *memory;
	unsigned char *top;
};

static struct stack stack_new(void)
{
	struct stack stack;

	stack.memory = (unsigned char *)malloc(STACK_SIZE + 16 + MARGIN);
	CHECK(stack.memory != NULL);
	stack.top = stack.memory + STACK_SIZE;
	stack.top += (16 - (uintptr_t)stack.top % 16) % 16;
	memset(stack.top, MARK, MARGIN);
	return stack;
}

static void stack_free(struct stack stack)
{
	for (int i = 0; i < MARGIN; i++)
		CHECK(stack.top[i] == MARK);
	free(stack.memory);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The stack pointer at entry: the ABI's, and nothing of the stack is wasted. */

static struct stack entry_stack;
static void *entry_context;
static void *entry_back;

__attribute__((used, noinline)) void entered(uintptr_t sp)
{
	CHECK((sp + ENTRY_BELOW_TOP) % 16 == 0);
	CHECK(sp + ENTRY_BELOW_TOP == (uintptr_t)entry_stack.top);
	weft__arch_switch(&entry_context, entry_back);
	CHECK(!"a context was resumed that nobody saved");
}

static void test_entry(void)
{
	entry_stack = stack_new();
	entry_context = weft__arch_prepare(entry_stack.top, raw_entry);
	CHECK((unsigned char *)entry_context == entry_stack.top - WEFT__ARCH_CONTEXT_SIZE);
	weft__arch_switch(&entry_back, entry_context);
	stack_free(entry_stack);
}

/* CONTEXTS contexts, the main one among them, in a ring: each switches to the next. */

#define CONTEXTS 5
#define SWITCHES 100000

static void *ring[CONTEXTS];
static unsigned long ring_switches;
static unsigned long ring_turns[CONTEXTS];
static int ring_current;
static int ring_started;

static void ring_turn(int me, uint64_t *state)
{
	uint64_t in[REGISTERS];
	uint64_t out[REGISTERS];
	int next = (me + 1) % CONTEXTS;

	for (int i = 0; i < REGISTERS; i++) {
		in[i] = random_next(state);
		out[i] = 0;
	}
	CHECK(ring_current == me);
	ring_current = next;
	ring_switches++;
	ring_turns[me]++;
	pattern_switch(&ring[me], ring[next], in, out);
	CHECK(ring_current == me);
	for (int i = 0; i < REGISTERS; i++)
		CHECK(in[i] == out[i]);
}

static void ring_entry(void)
{
	int me = ++ring_started;
	uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)(me + 1);

	for (;;)
		ring_turn(me, &state);
}

static void test_registers(void)
{
	struct stack stacks[CONTEXTS];
	uint64_t state = 0x2545f4914f6cdd1du;

	for (int i = 1; i < CONTEXTS; i++) {
		stacks[i] = stack_new();
		ring[i] = weft__arch_prepare(stacks[i].top, ring_entry);
	}
	while (ring_switches < SWITCHES)
		ring_turn(0, &state);
	for (int i = 0; i < CONTEXTS; i++)
		CHECK(ring_turns[i] == SWITCHES / CONTEXTS);
	for (int i = 1; i < CONTEXTS; i++)
		stack_free(stacks[i]);
}

/* Each context prepares the next one and enters it; the innermost goes back out, one by one. */

#define DEPTH 32

static void *nest[DEPTH + 1];
static int nest_depth;
static int nest_left;

static void nest_entry(void)
{
	int depth = ++nest_depth;

	if (depth < DEPTH) {
		struct stack stack = stack_new();

		nest[depth + 1] = weft__arch_prepare(stack.top, nest_entry);
		weft__arch_switch(&nest[depth], nest[depth + 1]);
		stack_free(stack);
	}
	CHECK(nest_left == DEPTH - depth);
	nest_left++;
	weft__arch_switch(&nest[depth], nest[depth - 1]);
	CHECK(!"a context was resumed that nobody saved");
}

static void test_nested(void)
{
	struct stack stack = stack_new();

	nest[1] = weft__arch_prepare(stack.top, nest_entry);
	weft__arch_switch(&nest[0], nest[1]);
	CHECK(nest_depth == DEPTH);
	CHECK(nest_left == DEPTH);
	stack_free(stack);
}

int main(void)
{
	test_entry();
	test_registers();
	test_nested();
	return 0;
}

/*
 * fault.c - SIGSEGV and SIGBUS on an alternate stack.
 *
 * The handler that the program had before weft started is called when the fault is none of weft's; with none,
 * the default action is restored and the instruction faults again, so the core dump shows the right place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/atomic.h"
#include "os/os.h"

enum { ALTSTACK = 64 * 1024 };

static void (*fault_handler)(void *address);
static struct sigaction before[2]; /* SIGSEGV, SIGBUS */

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *old = &before[signal == SIGBUS];

	if (info->si_code > 0)
		fault_handler(info->si_addr);
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(signal, info, context);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(signal);
	} else {
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		sigaction(signal, &dfl, NULL);
		/* A fault happens again when the handler returns; a signal that somebody sent does not. */
		if (info->si_code <= 0)
			raise(signal);
	}
}

int weft__os_fault_handler(void (*handler)(void *address))
{
	struct sigaction action = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	fault_handler = handler;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, &before[0]) != 0 || sigaction(SIGBUS, &action, &before[1]) != 0)
		return -errno;
	return 0;
}

int weft__os_altstack(void **handle)
{
	stack_t stack;

	*handle = NULL;
	if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE))
		return 0; /* the thread has one: the program's, or a sanitizer's */
	stack.ss_sp = weft__os_reserve(ALTSTACK, 0);
	if (stack.ss_sp == NULL)
		return -ENOMEM;
	stack.ss_size = ALTSTACK;
	stack.ss_flags = 0;
	if (sigaltstack(&stack, NULL) != 0) {
		weft__os_release(stack.ss_sp, ALTSTACK);
		return -errno;
	}
	*handle = stack.ss_sp;
	return 0;
}

void weft__os_altstack_free(void *handle)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	if (handle == NULL)
		return;
	sigaltstack(&off, NULL);
	weft__os_release(handle, ALTSTACK);
}

/*
 * san.h - the one place that knows sanitizers and valgrind: who runs on which stack.
 *
 * In a plain build all of it compiles to nothing. AddressSanitizer keeps a fake stack per fiber and must
 * hear of each switch before and after it. ThreadSanitizer keeps a fiber per task. In this build the runtime
 * itself is instrumented, to find its own races, and the tasks of a worker hand its records to each other
 * without any atomic; so a switch is announced as synchronisation (flag 0). That hides races between tasks
 * that ran on one worker: a build that is to find the races of programs leaves the runtime uninstrumented and
 * passes 1 (no_sync). The calls stand in always-inline functions; the functions that call them must not be
 * instrumented on entry and exit (SAN_NO_THREAD), or the sanitizer's shadow stack underflows.
 */
#ifndef WEFT_BASE_SAN_H
#define WEFT_BASE_SAN_H

#include "base/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define WEFT__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT__ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT__TSAN 1
#endif
#endif

#if defined(WEFT__ASAN)
#define WEFT__SAN_STACK_PAGES 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WEFT__TSAN)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(WEFT_HAVE_VALGRIND) && WEFT_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

#if defined(WEFT__TSAN)
#define SAN_NO_THREAD __attribute__((no_sanitize("thread")))
#else
#define SAN_NO_THREAD
#endif

/* True when a task must not take over the stack of another one without a switch. */
#if defined(WEFT__TSAN)
#define SAN_SWITCH_ALWAYS 1
#else
#define SAN_SWITCH_ALWAYS 0
#endif

/* One per context: a task, or a thread's own stack. */
struct san_context {
#if defined(WEFT__ASAN)
	void *fake;
	const void *bottom;
	size_t size;
#endif
#if defined(WEFT__TSAN)
	void *fiber;
#endif
#if !defined(WEFT__ASAN) && !defined(WEFT__TSAN)
	char none[0];
#endif
};

/* The context of the running thread's own stack. */
ALWAYS_INLINE void san_thread_init(struct san_context *c)
{
	(void)c;
#if defined(WEFT__TSAN)
	c->fiber = __tsan_get_current_fiber();
#endif
}

/* A new task gets a stack: [bottom, bottom + size). */
ALWAYS_INLINE void san_task_bind(struct san_context *c, const void *bottom, size_t size)
{
	(void)c;
	(void)bottom;
	(void)size;
#if defined(WEFT__ASAN)
	c->fake = NULL;
	c->bottom = bottom;
	c->size = size;
	__asan_unpoison_memory_region(bottom, size);
#endif
#if defined(WEFT__TSAN)
	c->fiber = __tsan_create_fiber(0);
#endif
}

/* The task ended and its stack goes; runs on another context. */
ALWAYS_INLINE void san_task_unbind(struct san_context *c)
{
	(void)c;
#if defined(WEFT__TSAN)
	__tsan_destroy_fiber(c->fiber);
	c->fiber = NULL;
#endif
}

/* Right before the switch; ends: `from` will never run again. */
ALWAYS_INLINE void san_before_switch(struct san_context *from, struct san_context *to, bool ends)
{
	(void)from;
	(void)to;
	(void)ends;
#if defined(WEFT__ASAN)
	__sanitizer_start_switch_fiber(ends ? NULL : &from->fake, to->bottom, to->size);
#endif
#if defined(WEFT__TSAN)
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/*
 * Right after the switch, in the context `self`. `thread` is the context of the thread's own stack; its
 * bounds are learned when the first task of the thread starts: `left_thread` says that the switch came from
 * there.
 */
ALWAYS_INLINE void san_after_switch(struct san_context *self, struct san_context *thread, bool left_thread)
{
	(void)self;
	(void)thread;
	(void)left_thread;
#if defined(WEFT__ASAN)
	const void *bottom;
	size_t size;
	__sanitizer_finish_switch_fiber(self->fake, &bottom, &size);
	if (left_thread) {
		thread->bottom = bottom;
		thread->size = size;
	}
#endif
}

/* Valgrind takes a small jump of the stack pointer for a call unless it knows the stacks. */
ALWAYS_INLINE void san_stack_created(void *bottom, void *top)
{
	(void)bottom;
	(void)top;
#if defined(WEFT_HAVE_VALGRIND) && WEFT_HAVE_VALGRIND
	(void)VALGRIND_STACK_REGISTER(bottom, top);
#endif
}

ALWAYS_INLINE bool san_on_valgrind(void)
{
#if defined(WEFT_HAVE_VALGRIND) && WEFT_HAVE_VALGRIND
	return RUNNING_ON_VALGRIND != 0;
#else
	return false;
#endif
}

#endif /* WEFT_BASE_SAN_H */

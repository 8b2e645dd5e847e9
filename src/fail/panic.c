/*
 * panic.c - the last words: what went wrong, in which task, created where, on which stack; exit status 2.
 *
 * Everything goes to descriptor 2 in one write a line, from buffers on the stack: the heap and stdio may be
 * what is broken. Only one thread speaks; a second one that panics meanwhile waits for the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "sched/sched.h"

enum { STATUS = 2, LINE = 1024, FRAMES = 64 };

static void line(const char *format, ...) WEFT_PRINTF(1, 2);

static void vline(const char *format, va_list args)
{
	char text[LINE];
	int n = vsnprintf(text, sizeof text - 1, format, args);

	if (n < 0)
		return;
	if (n > (int)sizeof text - 2)
		n = (int)sizeof text - 2;
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, text, (size_t)n);
}

static void line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vline(format, args);
	va_end(args);
}

/* One thread gets through; the process ends under the others. */
static void speak_alone(void)
{
	static uint32_t speaking;
	static struct weft__thread *speaker;

	if (at_xchg(&speaking, 1, ACQ_REL) != 0) {
		if (at_load(&speaker, RELAXED) == weft__self() && weft__self() != NULL)
			_exit(STATUS); /* the last words failed themselves */
		for (;;)
			pause();
	}
	at_store(&speaker, weft__self(), RELAXED);
}

static void say_task(void)
{
	struct weft__thread *self = weft__self();
	const struct weft__task *t = self != NULL ? self->task : NULL;

	if (t == NULL)
		line("on a plain thread (%d)", (int)weft__os_thread_id());
	else
		line("in task %llu%s%s%s, created at %s", (unsigned long long)t->id,
			*task_name(t) ? " \"" : "", task_name(t), *task_name(t) ? "\"" : "", t->site);
}

struct walk {
	int skip, shown;
};

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	int before = 0;
	uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(context, &before);
	Dl_info info;

	if (pc == 0)
		return _URC_END_OF_STACK;
	if (walk->skip > 0) {
		walk->skip--;
		return _URC_NO_REASON;
	}
	if (walk->shown++ == FRAMES)
		return _URC_END_OF_STACK;
	memset(&info, 0, sizeof info);
	/* A return address may be the first byte of the next function: look where the call was. */
	if (dladdr((void *)(pc - (before ? 0 : 1)), &info) != 0 && info.dli_sname != NULL)
		line("    %s+0x%zx  (%s+0x%zx)", info.dli_sname, (size_t)(pc - (uintptr_t)info.dli_saddr),
			info.dli_fname, (size_t)(pc - (uintptr_t)info.dli_fbase));
	else if (info.dli_fname != NULL)
		line("    %s+0x%zx", info.dli_fname, (size_t)(pc - (uintptr_t)info.dli_fbase));
	else
		line("    0x%zx", (size_t)pc);
	return _URC_NO_REASON;
}

static void say_stack(int skip)
{
	struct walk walk = { skip, 0 };

	line("stack:");
	_Unwind_Backtrace(frame, &walk);
}

static WEFT_NORETURN NOINLINE void vpanic(const char *format, va_list args)
{
	char text[LINE - 32];

	speak_alone();
	vsnprintf(text, sizeof text, format, args);
	line("weft: panic: %s", text);
	say_task();
	say_stack(2);
	_exit(STATUS);
}

void weft__panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vpanic(format, args);
}

void weft_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vpanic(format, args);
}

void weft__die(const char *format, ...)
{
	char text[LINE - 32];
	va_list args;

	speak_alone();
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	line("weft: %s", text);
	_exit(STATUS);
}

void weft__warn(const char *format, ...)
{
	char text[LINE - 32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	line("weft: %s", text);
}

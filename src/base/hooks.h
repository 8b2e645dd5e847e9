/*
 * hooks.h - what the lower layers may call although a higher one defines it.
 *
 * sched and sync must be able to end the program with a good message without knowing how the message is
 * made. These functions are declared here and defined in src/fail; the linker is the table.
 */
#ifndef WEFT_BASE_HOOKS_H
#define WEFT_BASE_HOOKS_H

#include <weft/base.h>

/* The last words: message, task, creation site, stack; exit status 2. For misuse and broken invariants. */
WEFT_NORETURN void weft__panic(const char *format, ...) WEFT_PRINTF(1, 2);

/*
 * The same from a signal handler that runs on an alternate stack, for memory that cannot be trusted to
 * hold another call: nothing is allocated, no lock is taken. Ends the process outright.
 */
WEFT_NORETURN void weft__die(const char *format, ...) WEFT_PRINTF(1, 2);

/* A line on stderr that is no reason to end: "weft: ..." and a newline. */
void weft__warn(const char *format, ...) WEFT_PRINTF(1, 2);

#endif /* WEFT_BASE_HOOKS_H */

/* Tasks: start them, give them arguments, wait for them. */
#include <stdio.h>

#include <weft/weft.h>

static weft_waitgroup_t all = WEFT_WAITGROUP_INIT;

static void hello(void *arg)
{
	printf("hello from task %llu: %s\n", (unsigned long long)weft_task_id(), (const char *)arg);
}

/* Typed parameters are copied; the compiler checks their number and types. */
WEFT_TASK(add, int, a, int, b)
{
	printf("%d + %d = %d\n", a, b, a + b);
	weft_waitgroup_done(&all);
}

static void start(void *arg)
{
	static char text[] = "a task starts another";

	(void)arg;
	if (weft_waitgroup_go(&all, hello, text) < 0)
		hello(text); /* no memory for a task: do it here */
	for (int i = 1; i <= 3; i++) {
		weft_waitgroup_add(&all, 1);
		if (WEFT_GO(add, i, 10 * i) < 0)
			weft_waitgroup_done(&all);
	}
	weft_waitgroup_wait(&all);
}

int main(void)
{
	return weft_run(start, NULL) == 0 ? 0 : 1;
}

/*
 * Time: sleeping, deadlines, timers that start a task, a ticker, and a timeout for work that takes too
 * long.
 */
#include <errno.h>
#include <stdio.h>

#include <weft/weft.h>

static weft_waitgroup_t fired = WEFT_WAITGROUP_INIT;

static void on_timer(void *arg)
{
	printf("timer: %s\n", (const char *)arg);
	weft_waitgroup_done(&fired);
}

static void slow_work(void *arg)
{
	weft_sleep(WEFT_MS(50));
	weft_waitgroup_done(arg);
}

static void start(void *arg)
{
	static char soon[] = "soon", never[] = "never";
	weft_timer_t one = WEFT_TIMER_INIT, other = WEFT_TIMER_INIT;
	weft_waitgroup_t work = WEFT_WAITGROUP_INIT;
	weft_ticker_t ticker;

	(void)arg;
	weft_waitgroup_add(&fired, 2);
	weft_timer_after(&one, WEFT_MS(5), on_timer, soon);
	weft_timer_after(&other, WEFT_S(60), on_timer, never);
	if (weft_timer_stop(&other) == 1)
		weft_waitgroup_done(&fired); /* it will not run */
	weft_waitgroup_wait(&fired);

	weft_ticker_start(&ticker, WEFT_MS(2));
	for (int i = 0; i < 3; i++) {
		weft_ticker_wait(&ticker, WEFT_NEVER);
		printf("tick\n");
	}

	weft_waitgroup_add(&work, 1);
	if (weft_go(slow_work, &work) < 0)
		weft_waitgroup_done(&work);
	if (weft_waitgroup_wait_until(&work, weft_deadline_in(WEFT_MS(5))) == -ETIMEDOUT) {
		printf("the work takes its time\n");
		weft_waitgroup_wait(&work); /* it uses our variable: it must end before we do */
	}
	printf("done\n");
}

int main(void)
{
	return weft_run(start, NULL) == 0 ? 0 : 1;
}

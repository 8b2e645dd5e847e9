/*
 * fanout.c - one queue of jobs, several workers, one stream of results.
 *
 *     $ fanout
 *     of all numbers up to 100000, 77031 takes the most steps down to 1: 350
 *
 * Fan-out: the workers receive from one channel; each job goes to whoever is free. Fan-in: they all send to
 * one channel, in any order. A channel is closed once, by who knows that nothing more will be sent: the jobs
 * by their producer; the results, which have many senders, by who has waited for all of them.
 */
#include <errno.h>
#include <stdio.h>

#include <weft/weft.h>

enum { LAST = 100000, STEP = 1000, WORKERS = 8 };

/* Look at the numbers from first to last. */
struct job {
	int first, last;
};

struct result {
	int number, steps;
};

struct pool {
	WEFT_CHAN(struct job) jobs;
	WEFT_CHAN(struct result) results;
	weft_waitgroup_t workers;
	struct result best;
	int error;
};

/* The one of two that takes more steps; the smaller number when they take as many. */
static struct result better(struct result a, struct result b)
{
	return b.steps > a.steps || (b.steps == a.steps && b.number < a.number) ? b : a;
}

static struct result count_steps(int number)
{
	struct result result = { number, 0 };

	for (long n = number; n != 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1)
		result.steps++;
	return result;
}

static void work(void *arg)
{
	struct pool *pool = arg;

	WEFT_RANGE (job, pool->jobs) {
		struct result best = count_steps(job.first);
		for (int n = job.first + 1; n <= job.last; n++)
			best = better(best, count_steps(n));
		WEFT_SEND(pool->results, best);
	}
}

static void feed(void *arg)
{
	struct pool *pool = arg;

	for (int n = 1; n <= LAST; n += STEP)
		WEFT_SEND(pool->jobs, ((struct job){ n, n + STEP - 1 }));
	WEFT_CLOSE(pool->jobs);
	weft_waitgroup_wait(&pool->workers);
	WEFT_CLOSE(pool->results);
}

static void search(struct pool *pool)
{
	int started = 0, err = 0;

	while (started < WORKERS && (err = weft_waitgroup_go(&pool->workers, work, pool)) == 0)
		started++;
	if (started > 0) /* some are better than none */
		err = weft_go(feed, pool);
	if (err < 0) {
		pool->error = err;
		WEFT_CLOSE(pool->jobs); /* sends the workers home */
		weft_waitgroup_wait(&pool->workers);
		return;
	}
	WEFT_RANGE (result, pool->results)
		pool->best = better(pool->best, result);
}

static void start(void *arg)
{
	struct pool *pool = arg;

	pool->jobs = WEFT_CHAN_CREATE(struct job, 0);
	pool->results = WEFT_CHAN_CREATE(struct result, WORKERS);
	if (pool->jobs != NULL && pool->results != NULL)
		search(pool);
	else
		pool->error = -ENOMEM;
	WEFT_CHAN_DESTROY(pool->jobs);
	WEFT_CHAN_DESTROY(pool->results);
}

int main(void)
{
	struct pool pool = { .workers = WEFT_WAITGROUP_INIT };
	int err = weft_run(start, &pool);

	if (err == 0)
		err = pool.error;
	if (err < 0)
		fprintf(stderr, "fanout: %s\n", weft_strerror(err));
	else
		printf("of all numbers up to %d, %d takes the most steps down to 1: %d\n", LAST,
			pool.best.number, pool.best.steps);
	return err < 0;
}

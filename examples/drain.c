/*
 * drain.c - a worker pool that ends in order: SIGTERM stops the intake, what is queued is still done.
 *
 *     $ drain
 *     asked to end: no more jobs
 *     every job that was accepted is done
 *
 * Without arguments it sends the signal to itself after a while; `drain wait` leaves that to you.
 *
 * The signal is blocked and read from a descriptor, so it is one more thing that a select can wait for, and
 * no code runs in a signal handler. Closing the channel of jobs tells the workers: they go on until it is
 * empty. The same select would accept connections: WEFT_CASE_FD (listener, WEFT_READABLE).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <weft/weft.h>

enum { WORKERS = 4, QUEUE = 16, ENOUGH = 50 };

struct server {
	int signals; /* a signalfd */
	bool wait;   /* for a signal from outside */
	int error;
	int accepted;
	int done;
	WEFT_CHAN(int) jobs;
	weft_waitgroup_t workers;
};

static void work(void *arg)
{
	struct server *server = arg;

	WEFT_RANGE (job, server->jobs) {
		(void)job;
		weft_sleep(WEFT_MS(1));
		__atomic_add_fetch(&server->done, 1, __ATOMIC_RELAXED);
	}
}

/* Accepts jobs until there is a signal. Waits while the queue is full. */
static void accept_jobs(struct server *server)
{
	struct signalfd_siginfo signal;
	bool stop = false;

	for (int job = 1; !stop;) {
		WEFT_SELECT {
			WEFT_CASE_SEND (server->jobs, &job) {
				server->accepted++;
				job++;
				if (server->accepted == ENOUGH && !server->wait)
					kill(getpid(), SIGTERM);
			}
			WEFT_CASE_FD (server->signals, WEFT_READABLE)
				stop = read(server->signals, &signal, sizeof signal) == sizeof signal;
		}
	}
	printf("asked to end: no more jobs\n");
}

static void serve(void *arg)
{
	struct server *server = arg;
	int started = 0, err = 0;

	server->jobs = WEFT_CHAN_CREATE(int, QUEUE);
	if (server->jobs == NULL) {
		server->error = -ENOMEM;
		return;
	}
	while (started < WORKERS && (err = weft_waitgroup_go(&server->workers, work, server)) == 0)
		started++;
	if (started > 0) /* some are better than none */
		accept_jobs(server);
	else
		server->error = err;
	WEFT_CLOSE(server->jobs);
	weft_waitgroup_wait(&server->workers);
	WEFT_CHAN_DESTROY(server->jobs);
}

/*
 * A descriptor to read SIGTERM and SIGINT from, or -1. They must be blocked in every thread, so call it
 * before any is started, which then inherits that. Weft's own threads never take signals of the process.
 */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct server server = { .workers = WEFT_WAITGROUP_INIT };
	int err;

	server.wait = argc > 1 && strcmp(argv[1], "wait") == 0;
	server.signals = open_signals();
	if (server.signals < 0) {
		perror("drain: signalfd");
		return 1;
	}
	err = weft_run(serve, &server);
	if (err == 0)
		err = server.error;
	if (err < 0)
		fprintf(stderr, "drain: %s\n", weft_strerror(err));
	else if (server.done == server.accepted)
		printf("every job that was accepted is done\n");
	close(server.signals);
	return err < 0 || server.done != server.accepted;
}

/*
 * bench.h - what every bench program in C shares: arguments, clocks, memory, random numbers, output.
 *
 * A program is called as `program procs=N [key=value ...]` and prints one line a metric:
 *
 *     bench <TAB> config <TAB> value <TAB> unit
 *
 * The config is the arguments as given, joined by commas, so that all peers of one call agree on it by
 * construction; a count that is not named has the default of the program. A program checks its own work
 * and ends with status 1 and a reason when a check fails; its lines are worth nothing then.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* The distance at which two tasks' data share neither a cache line nor a prefetched pair of lines. */
#define BENCH_LINE 128

struct bench_option {
	const char *key;
	long value; /* the default; replaced by the argument */
};

static char bench_config[256];

__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_die(const char *format, ...)
{
	va_list list;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}

static inline struct bench_option *bench_option_find(
	struct bench_option *options, size_t count, const char *key, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].key) == length && memcmp(options[i].key, key, length) == 0)
			return &options[i];
	return NULL;
}

/*
 * Reads the arguments into options and makes the config of them. Every value is a positive number; an
 * unknown key, a bad value or a missing procs= (its default is 0) ends the program.
 */
static inline void bench_parse(int argc, char **argv, struct bench_option *options, size_t count)
{
	size_t used = 0;

	for (int i = 1; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		struct bench_option *option = NULL;
		char *end;

		if (equals)
			option = bench_option_find(options, count, argv[i], (size_t)(equals - argv[i]));
		if (!option)
			bench_die("unknown argument %s", argv[i]);
		errno = 0;
		option->value = strtol(equals + 1, &end, 10);
		if (errno || end == equals + 1 || *end || option->value <= 0)
			bench_die("bad value in %s", argv[i]);
		if (used + strlen(argv[i]) + 2 > sizeof bench_config)
			bench_die("too many arguments");
		if (used)
			bench_config[used++] = ',';
		strcpy(bench_config + used, argv[i]);
		used += strlen(argv[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (options[i].value == 0)
			bench_die("usage: %s procs=N [key=value ...]: %s= is missing",
				program_invocation_short_name, options[i].key);
}

#define BENCH_PARSE(argc, argv, options)                                                                     \
	bench_parse((argc), (argv), (options), sizeof(options) / sizeof((options)[0]))

/* Ends the program when the condition does not hold. */
#define BENCH_CHECK(condition, ...)                                                                          \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			bench_die(__VA_ARGS__);                                                              \
	} while (0)

static inline void bench_emit(const char *bench, double value, const char *unit)
{
	printf("%s\t%s\t%.6g\t%s\n", bench, bench_config, value, unit);
}

static inline int64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Processor time of this process so far, user and system. */
static inline double bench_cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* A field of /proc/self/status, in KiB. */
static inline long bench_status_kib(const char *field)
{
	FILE *file = fopen("/proc/self/status", "re");
	size_t length = strlen(field);
	char line[256];
	long value = -1;

	if (!file)
		bench_die("/proc/self/status: %s", strerror(errno));
	while (fgets(line, sizeof line, file))
		if (strncmp(line, field, length) == 0 && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	fclose(file);
	BENCH_CHECK(value >= 0, "no %s in /proc/self/status", field);
	return value;
}

/* Memory of this process now: resident pages and page tables. */
static inline long bench_memory_kib(void)
{
	return bench_status_kib("VmRSS") + bench_status_kib("VmPTE");
}

/* The most resident memory that this process has had. */
static inline double bench_peak_mib(void)
{
	return (double)bench_status_kib("VmHWM") / 1024;
}

/* splitmix64: the same numbers from the same seed in every peer. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/*
 * For peers without a processor count of their own: binds the process to the first `procs` CPUs that it
 * may use. Threads inherit it.
 */
static inline void bench_bind(long procs)
{
	cpu_set_t allowed, chosen;
	long left = procs;

	CPU_ZERO(&allowed);
	CPU_ZERO(&chosen);
	if (sched_getaffinity(0, sizeof allowed, &allowed))
		bench_die("sched_getaffinity: %s", strerror(errno));
	for (size_t cpu = 0; cpu < CPU_SETSIZE && left > 0; cpu++)
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &chosen);
			left--;
		}
	BENCH_CHECK(left == 0, "fewer than %ld CPUs", procs);
	if (sched_setaffinity(0, sizeof chosen, &chosen))
		bench_die("sched_setaffinity: %s", strerror(errno));
}

#endif /* BENCH_H */

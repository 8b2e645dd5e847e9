/*
 * walk_tree.h - what the tests of the walk share: checks, a tree of their own that goes away with them, and
 * the list of what a walk has visited.
 */
#ifndef TEST_WALK_TREE_H
#define TEST_WALK_TREE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/weft.h>

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);                   \
			exit(1);                                                                             \
		}                                                                                            \
	} while (0)

/* The test's own directory is the working directory until the process that made it exits. */
static char tree_dir[256];
static pid_t tree_owner;

static inline void tree_remove(void)
{
	pid_t child;

	if (getpid() != tree_owner || chdir("/") < 0)
		return;
	child = fork();
	if (child == 0) {
		execlp("rm", "rm", "-rf", "--", tree_dir, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static inline void tree_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	CHECK((size_t)snprintf(tree_dir, sizeof tree_dir, "%s/weft-walk-XXXXXX", tmp != NULL ? tmp : "/tmp") <
		sizeof tree_dir);
	CHECK(mkdtemp(tree_dir) != NULL);
	tree_owner = getpid();
	CHECK(atexit(tree_remove) == 0);
	CHECK(chmod(tree_dir, 0755) == 0 && chdir(tree_dir) == 0);
	/* As the kernel tells it. */
	CHECK(getcwd(tree_dir, sizeof tree_dir) != NULL);
}

static inline void make_dir(const char *path)
{
	CHECK(mkdir(path, 0755) == 0);
}

static inline void make_file(const char *path, size_t size)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	close(fd);
}

/*
 * How many descriptors of directories and files in the test's tree are open; the runtime's own do not
 * count.
 */
static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		char target[8192];
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof target);
		/* A path too long to be told is one of ours. */
		n += len < 0 ? errno == ENAMETOOLONG : strncmp(target, tree_dir, strlen(tree_dir)) == 0;
	}
	closedir(dir);
	return n;
}

/* ---- what was visited ---- */

struct visit {
	char *path;
	size_t path_len, depth;
	int64_t size;
	int type, error, failed;
};

struct visits {
	pthread_mutex_t lock;
	struct visit *at;
	size_t n, cap;
};
#define VISITS_INIT                                                                                          \
	{                                                                                                    \
		PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0                                                        \
	}

static inline int collect(const weft_walk_entry_t *entry, void *arg)
{
	struct visits *v = arg;
	char *path = malloc(entry->path_len + 1);

	CHECK(path != NULL && entry->path[entry->path_len] == '\0' && strlen(entry->path) == entry->path_len);
	CHECK(entry->name >= entry->path && entry->name <= entry->path + entry->path_len);
	CHECK(entry->depth == 0 ? entry->name == entry->path : entry->name[-1] == '/');
	CHECK(entry->depth == 0 || strchr(entry->name, '/') == NULL);
	memcpy(path, entry->path, entry->path_len + 1);
	pthread_mutex_lock(&v->lock);
	if (v->n == v->cap) {
		v->cap = v->cap == 0 ? 64 : 2 * v->cap;
		v->at = realloc(v->at, v->cap * sizeof *v->at);
		CHECK(v->at != NULL);
	}
	v->at[v->n++] = (struct visit){ path, entry->path_len, entry->depth, entry->size, entry->type,
		entry->error, entry->failed };
	pthread_mutex_unlock(&v->lock);
	return WEFT_WALK_CONTINUE;
}

static inline void forget(struct visits *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->at[i].path);
	free(v->at);
	v->at = NULL;
	v->n = v->cap = 0;
}

static inline int by_path(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order != 0 ? order : (x->error != 0) - (y->error != 0);
}

static inline void sort_visits(struct visits *v)
{
	if (v->n > 0)
		qsort(v->at, v->n, sizeof *v->at, by_path);
}

/* One root, that many workers. */
static inline int walk_one(const char *root, unsigned workers, unsigned flags, weft_walk_fn_t *fn, void *arg)
{
	weft_walk_options_t options = { .size = sizeof options, .workers = workers, .flags = flags };

	if (workers > 1)
		options.flags |= WEFT_WALK_CONCURRENT;

	return weft_walk(&root, 1, &options, fn, arg);
}

#endif /* TEST_WALK_TREE_H */

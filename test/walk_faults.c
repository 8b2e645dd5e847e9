/*
 * walk_faults.c - the walk on a system that is as unkind as permitted: types that are not told with the
 * names, directories that come in many small pieces, reads that fail in the middle, no descriptors left.
 *
 * The test has the walker's system calls (walk/sys.h) itself, so those of the library are not linked.
 */
#include "walk_tree.h"

#include <sys/syscall.h>

#include "walk/sys.h"

static struct {
	size_t piece; /* most bytes that one read gives */
	bool hide_types;
	int descriptors;  /* so many can be open; 0: any number */
	const char *bad;  /* a directory whose second read fails */
	const char *lost; /* a name that cannot be examined */
	int open;         /* descriptors open now */
	uint64_t refused; /* opens that found none left */
	int bad_fd;
	int bad_reads;
} sys;

int weft__walk_sys_open(int dirfd, const char *name)
{
	int fd, n = __atomic_load_n(&sys.open, __ATOMIC_RELAXED);

	do {
		if (sys.descriptors != 0 && n >= sys.descriptors) {
			__atomic_add_fetch(&sys.refused, 1, __ATOMIC_RELAXED);
			return -EMFILE;
		}
	} while (!__atomic_compare_exchange_n(&sys.open, &n, n + 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		__atomic_sub_fetch(&sys.open, 1, __ATOMIC_RELAXED);
		return -errno;
	}
	if (sys.bad != NULL && strcmp(name, sys.bad) == 0) {
		sys.bad_fd = fd;
		sys.bad_reads = 0;
	}
	return fd;
}

void weft__walk_sys_close(int fd)
{
	__atomic_sub_fetch(&sys.open, 1, __ATOMIC_RELAXED);
	CHECK(close(fd) == 0);
}

ssize_t weft__walk_sys_read(int fd, void *buffer, size_t size)
{
	long n;

	if (sys.bad != NULL && fd == sys.bad_fd && sys.bad_reads++ == 1)
		return -EIO;
	n = syscall(SYS_getdents64, fd, buffer, sys.piece != 0 ? sys.piece : size);
	CHECK(n >= 0);
	if (sys.hide_types)
		for (long at = 0; at < n; at += ((struct walk_dent *)(void *)((char *)buffer + at))->size)
			((struct walk_dent *)(void *)((char *)buffer + at))->type = 0;
	return n;
}

int weft__walk_sys_stat(int dirfd, const char *name, int *type, int64_t *size)
{
	struct stat st;

	if (sys.lost != NULL && strcmp(name, sys.lost) == 0)
		return -EACCES;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*type = S_ISREG(st.st_mode) ? WEFT_WALK_FILE : S_ISDIR(st.st_mode) ? WEFT_WALK_DIR : WEFT_WALK_LINK;
	*size = S_ISREG(st.st_mode) ? st.st_size : -1;
	return 0;
}

size_t weft__walk_sys_limit(void)
{
	return 64;
}

static struct visits plain; /* what a kind system shows, in serial order */

static void compare(unsigned workers)
{
	struct visits got = VISITS_INIT;

	CHECK(walk_one("t", workers, WEFT_WALK_SIZE, collect, &got) == 0);
	if (workers > 1)
		sort_visits(&got); /* the tree has no name that sorts otherwise as a path */
	CHECK(got.n == plain.n && sys.open == 0);
	for (size_t i = 0; i < got.n; i++) {
		const struct visit *g = &got.at[i], *p = &plain.at[i];
		CHECK(strcmp(g->path, p->path) == 0 && g->error == 0);
		CHECK(g->type == p->type && g->size == p->size && g->depth == p->depth);
	}
	forget(&got);
}

static void all_the_same(void)
{
	for (unsigned workers = 1; workers < 5; workers++)
		compare(workers);
}

/* Each worker needs the directory it reads, its parent, and one more for the way there. */
static void few_descriptors(void)
{
	for (unsigned workers = 1; workers < 5; workers++) {
		sys.descriptors = 3 * (int)workers;
		compare(workers);
	}
	CHECK(sys.refused > 0);
	sys.descriptors = 0;
}

static int skip_bad(const weft_walk_entry_t *entry, void *arg)
{
	collect(entry, arg);
	return entry->error != 0 ? WEFT_WALK_SKIP_DIR : WEFT_WALK_CONTINUE;
}

/* bad/ gives some entries, then fails. */
static void failing_read(void)
{
	struct visits v = VISITS_INIT;
	size_t inside = 0, at = 0, before;

	sys.piece = 200;
	sys.bad = "bad";
	for (unsigned workers = 1; workers < 4; workers++) {
		CHECK(walk_one("b", workers, 0, collect, &v) == 0);
		inside = 0;
		before = 0;
		for (size_t i = 0; i < v.n; i++) {
			if (v.at[i].error != 0) {
				CHECK(v.at[i].error == -EIO && v.at[i].failed == WEFT_WALK_READ);
				CHECK(strcmp(v.at[i].path, "b/bad") == 0 && v.at[i].type == WEFT_WALK_DIR);
				at = i;
				before = inside;
			}
			inside += strncmp(v.at[i].path, "b/bad/", 6) == 0;
		}
		CHECK(at > 0 && inside > 0 && inside < 100);
		/* In order: the error, then what was read; else what was read, then the error. */
		CHECK(before == (workers == 1 ? 0 : inside));
		CHECK(strncmp(v.at[workers == 1 ? v.n - 1 : 0].path, workers == 1 ? "b/z" : "b", 3) == 0);
		CHECK(sys.open == 0);
		forget(&v);
	}
	CHECK(walk_one("b", 1, 0, skip_bad, &v) == 0);
	CHECK(v.n == 4 && strcmp(v.at[2].path, "b/bad") == 0 && strcmp(v.at[3].path, "b/z") == 0);
	forget(&v);
	sys.bad = NULL;
	sys.piece = 0;
}

/* Neither the name's type nor the entry itself can be had: one visit, with the error, not gone into. */
static void unknown_entry(void)
{
	sys.hide_types = true;
	sys.lost = "bad";
	for (unsigned workers = 1; workers < 3; workers++) {
		struct visits v = VISITS_INIT;
		CHECK(walk_one("b", workers, 0, collect, &v) == 0);
		sort_visits(&v);
		CHECK(v.n == 3 && strcmp(v.at[1].path, "b/bad") == 0);
		CHECK(v.at[1].error == -EACCES && v.at[1].failed == WEFT_WALK_STAT);
		CHECK(v.at[1].type == WEFT_WALK_UNKNOWN);
		forget(&v);
	}
	sys.hide_types = false;
	sys.lost = NULL;
}

int main(void)
{
	char path[256];

	tree_begin();
	make_dir("t");
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof path, "t/d%02d", i);
		make_dir(path);
		for (int k = 0; k < 20; k++) {
			snprintf(path, sizeof path, "t/d%02d/%c%02d", i, k % 2 != 0 ? 'f' : 'd', k);
			if (k % 2 != 0)
				make_file(path, (size_t)k);
			else
				make_dir(path);
		}
		snprintf(path, sizeof path, "t/d%02d/link", i);
		CHECK(symlink("..", path) == 0);
	}
	strcpy(path, "t");
	for (int i = 0; i < 40; i++) {
		strcat(path, "/e");
		make_dir(path);
		snprintf(path + strlen(path), 4, "/%c", 'z');
		make_dir(path);
		path[strlen(path) - 2] = '\0';
	}
	make_dir("b");
	make_dir("b/bad");
	make_file("b/z", 0);
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof path, "b/bad/%d", i);
		make_file(path, 0);
	}

	CHECK(walk_one("t", 1, WEFT_WALK_SIZE, collect, &plain) == 0);
	CHECK(plain.n == 1 + 30 * 22 + 80);
	all_the_same();
	sys.piece = 100;
	all_the_same();
	sys.hide_types = true;
	all_the_same();
	few_descriptors();
	sys.hide_types = false;
	sys.piece = 0;
	few_descriptors();
	failing_read();
	unknown_entry();
	forget(&plain);
	return 0;
}

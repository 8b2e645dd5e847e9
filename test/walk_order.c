/*
 * walk_order.c - what is visited and in what order: everything, once, with its type and size; serial in
 * pre-order and by the bytes of the names. The expected list is made by the C library's own means.
 */
#include "walk_tree.h"

#include <sys/socket.h>
#include <sys/un.h>

/* Names that sort, print or parse in surprising ways. */
static const char *const odd_names[] = {
	"-",
	"--",
	"-rf",
	" ",
	"  x",
	"new\nline",
	"tab\t",
	"quote'",
	"double\"",
	"back\\slash",
	"\x01\x7f",
	"\x80",
	"\xff\xfe",
	"\xc3\xa4",
	"\xc3",
	"a",
	"A",
	"aa",
	"a.b",
	"a-b",
	"a b",
	"B",
	"12345678",
	"12345678a",
	"12345678b",
	"123456789",
	"1234567",
	"....",
	"...",
	".hidden",
	"~",
	"*",
	"$(x)",
	"\xed\xa0\x80",
};
enum { N_ODD = sizeof odd_names / sizeof *odd_names };

static void make_tree(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "t/socket" };
	char path[600], name[256];
	int fd;

	make_dir("t");
	for (int i = 0; i < N_ODD; i++) {
		snprintf(path, sizeof path, "t/%s", odd_names[i]);
		if (i % 3 == 0) {
			make_dir(path);
			for (int k = 0; k < i; k++) {
				snprintf(path, sizeof path, "t/%s/%s", odd_names[i],
					odd_names[(i + k) % N_ODD]);
				if (k % 4 == 3)
					make_dir(path);
				else
					make_file(path, (size_t)k);
			}
		} else {
			make_file(path, (size_t)i * 1000);
		}
	}
	make_dir("t/empty");
	make_dir("t/many");
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof path, "t/many/%d", i * 7919 % 100003);
		if (i % 10 == 0)
			make_dir(path);
		else
			make_file(path, 0);
	}
	memset(name, 'n', 255);
	name[255] = '\0';
	snprintf(path, sizeof path, "t/%s", name);
	make_dir(path);
	strcat(path, "/end");
	make_file(path, 5);
	CHECK(symlink(".", "t/loop") == 0);
	CHECK(symlink("..", "t/many/up") == 0);
	CHECK(symlink("missing", "t/dangling") == 0);
	CHECK(symlink("t", "link") == 0);
	CHECK(mkfifo("t/fifo", 0600) == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	close(fd);
}

static int bytewise(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int type_of(const struct stat *st)
{
	return S_ISREG(st->st_mode)    ? WEFT_WALK_FILE
	       : S_ISDIR(st->st_mode)  ? WEFT_WALK_DIR
	       : S_ISLNK(st->st_mode)  ? WEFT_WALK_LINK
	       : S_ISFIFO(st->st_mode) ? WEFT_WALK_FIFO
	       : S_ISSOCK(st->st_mode) ? WEFT_WALK_SOCKET
				       : WEFT_WALK_OTHER;
}

static void expect(struct visits *v, const char *path, const char *name, size_t depth, bool sizes)
{
	struct stat st;
	weft_walk_entry_t entry = {
		.path = path, .path_len = strlen(path), .name = name, .depth = depth, .size = -1
	};

	CHECK((path[strlen(path) - 1] == '/' ? stat(path, &st) : lstat(path, &st)) == 0);
	entry.type = type_of(&st);
	if (sizes && entry.type == WEFT_WALK_FILE)
		entry.size = st.st_size;
	collect(&entry, v);
	if (entry.type == WEFT_WALK_DIR) {
		struct dirent **list;
		int n = scandir(path, &list, NULL, bytewise);
		CHECK(n >= 2);
		for (int i = 0; i < n; i++) {
			char child[4096];
			int at = snprintf(
				child, sizeof child, "%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/");
			strcpy(child + at, list[i]->d_name);
			if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0)
				expect(v, child, child + at, depth + 1, sizes);
			free(list[i]);
		}
		free(list);
	}
}

static void same(const struct visits *got, const struct visits *want)
{
	for (size_t i = 0; i < got->n && i < want->n; i++) {
		const struct visit *g = &got->at[i], *w = &want->at[i];
		if (strcmp(g->path, w->path) != 0 || g->type != w->type || g->size != w->size ||
			g->depth != w->depth || g->error != 0) {
			fprintf(stderr,
				"visit %zu: got %s, type %d, size %lld, depth %zu, error %d;\n"
				"wanted %s, %d, %lld, %zu\n",
				i, g->path, g->type, (long long)g->size, g->depth, g->error, w->path, w->type,
				(long long)w->size, w->depth);
			exit(1);
		}
	}
	CHECK(got->n == want->n);
}

static void compare(const char *root, bool sizes)
{
	static const unsigned workers[] = { 0, 1, 2, 3, 8 };
	struct visits want = VISITS_INIT;

	expect(&want, root, root, 0, sizes);
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
		struct visits got = VISITS_INIT;
		CHECK(walk_one(root, workers[i], sizes ? WEFT_WALK_SIZE : 0, collect, &got) == 0);
		if (workers[i] > 1) {
			sort_visits(&got);
			sort_visits(&want);
		}
		same(&got, &want);
		forget(&got);
	}
	forget(&want);
}

/* In a tree: a directory always comes before what is in it, with any number of workers. */
static void parents_first(void)
{
	struct visits got = VISITS_INIT;

	CHECK(walk_one("t", 4, 0, collect, &got) == 0);
	for (size_t i = 1; i < got.n; i++) {
		const char *path = got.at[i].path;
		size_t parent = (size_t)(strrchr(path, '/') - path), k = 0;
		while (k < i && (got.at[k].path_len != parent || memcmp(got.at[k].path, path, parent) != 0))
			k++;
		CHECK(k < i && got.at[k].type == WEFT_WALK_DIR);
	}
	forget(&got);
}

static void several_roots(void)
{
	static const char *const roots[] = { "t/many", "t/a", "t/empty/", "t/many" };
	struct visits want = VISITS_INIT, got = VISITS_INIT;
	weft_walk_options_t options = { .size = sizeof options, .workers = 3, .flags = WEFT_WALK_CONCURRENT };

	for (int i = 0; i < 4; i++)
		expect(&want, roots[i], roots[i], 0, false);
	CHECK(weft_walk(roots, 4, NULL, collect, &got) == 0);
	same(&got, &want);
	forget(&got);
	CHECK(weft_walk(roots, 4, &options, collect, &got) == 0);
	sort_visits(&got);
	sort_visits(&want);
	same(&got, &want);
	forget(&got);
	CHECK(weft_walk(roots, 0, NULL, collect, &got) == 0 && got.n == 0);
	CHECK(weft_walk(roots, 0, &options, collect, &got) == 0 && got.n == 0);
	forget(&want);
}

int main(void)
{
	tree_begin();
	make_tree();
	compare("t", false);
	compare("t", true);
	compare("t/", true);
	compare("t//", false);
	compare("./t/many/..", false);
	compare("link", false);  /* an entry, not followed */
	compare("link/", false); /* followed */
	compare("t/a-b", true);
	compare("t/fifo", true);
	compare("t/empty", false);
	parents_first();
	several_roots();
	CHECK(count_fds() == 0);
	return 0;
}

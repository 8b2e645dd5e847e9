/*
 * membarrier(2) is forbidden after the start: what relies on it must not go on as if nothing had happened.
 */
#include "test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "os/os.h"

static void nothing(void *arg)
{
	(void)arg;
}

static void forbidden(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	CHECK_EQ(weft_run(nothing, NULL), 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		_exit(77);
	weft__os_barrier();
	_exit(1); /* it did nothing, and did not say so */
}

int main(void)
{
	struct test_child *c;

	if (!weft__barriers_unequal)
		SKIP("no membarrier here");
	c = test_run_child(forbidden);
	if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 77)
		SKIP("no seccomp here");
	CHILD_ENDS(c, 2);
	CHILD_SAYS(c, "membarrier");
	return 0;
}

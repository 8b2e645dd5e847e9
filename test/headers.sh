#!/bin/sh
# Each public header compiles alone, in C11 and, where there is a C++ compiler, in C++17; so do the macros for
# typed tasks, channels and select (test/chan_types.sh has their wrong uses). No header uses _Atomic, which
# C++ does not have.
set -u
source=${2:?usage: headers.sh BUILD_DIR SOURCE_DIR}
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail()
{
	echo "FAIL: $*"
	failed=1
}

# try NAME FILE COMPILER...
try()
{
	what=$1
	file=$2
	shift 2
	if ! "$@" -I"$source/include" -pedantic -Werror -Wall -Wextra -Wshadow -c "$file" -o "$work/out.o" \
		>"$work/log" 2>&1; then
		fail "$what"
		head -30 "$work/log"
	fi
}

cat >"$work/macros.body" <<'END'
WEFT_TASK(none)
{
}

WEFT_TASK(one, int, a)
{
	(void)a;
}

WEFT_TASK(six, int, a, const char *, b, double, c, unsigned char, d, void *, e, long long, f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
}

static void plain(void *arg)
{
	weft_waitgroup_t *group = (weft_waitgroup_t *)arg;
	weft_timer_t timer = WEFT_TIMER_INIT;
	weft_go_options_t options;

	options.size = sizeof(options);
	if (weft_timer_after(&timer, WEFT_MS(1), plain, arg) < 0 || WEFT_GO(none) < 0 ||
		WEFT_GO(one, 1) < 0 || WEFT_GO(six, 1, "b", 0.5, 'd', arg, 6) < 0 ||
		weft_go(plain, arg) < 0 || weft_go_with(&options, plain, arg) < 0 ||
		weft_waitgroup_go(group, plain, arg) < 0)
		weft_panic("%s: %s", WEFT_HERE, weft_strerror(-1));
}

struct job {
	int number;
	const char *text;
};

static void squares(void *arg)
{
	WEFT_CHAN(int) out = (WEFT_CHAN(int))arg;

	for (int i = 1; i <= 10; i++)
		WEFT_SEND(out, i * i);
	WEFT_CLOSE(out);
}

static int selects(WEFT_CHAN(struct job) jobs, WEFT_CHAN(int) results, weft_context_t *ctx)
{
	struct job job;
	int result = 0;

	for (;;) {
		WEFT_SELECT {
			WEFT_CASE_RECV (jobs, &job) {
				if (!WEFT_SELECT_RESULT)
					return result;
				result += job.number;
			}
			WEFT_CASE_SEND (results, &result)
				result = 0;
			WEFT_CASE_DONE (ctx)
				return weft_context_err(ctx);
			WEFT_CASE_TIME (weft_deadline_in(WEFT_S(1)))
				break;
			WEFT_CASE_FD (0, WEFT_READABLE)
				return WEFT_SELECT_RESULT;
		}
		WEFT_SELECT {
			WEFT_CASE_RECV (jobs, NULL)
				continue;
			WEFT_CASE_DEFAULT
				return 0;
		}
	}
}

static int channels(void)
{
	WEFT_CHAN(int) ints = WEFT_CHAN_CREATE(int, 3);
	WEFT_CHAN(struct job) jobs = WEFT_CHAN_CREATE_WITH(NULL, struct job, 0);
	weft_context_t *ctx = weft_context_create_timeout(NULL, WEFT_MS(1));
	weft_case_t cases[5];
	struct job job = { 1, "one" };
	int sum = 0, n = 0;

	if (ints == NULL || jobs == NULL || weft_go(squares, ints) < 0)
		return 1;
	WEFT_RANGE (v, ints)
		sum += v;
	WEFT_SEND_UNTIL(jobs, job, weft_deadline_in(WEFT_MS(1)));
	WEFT_SEND_CTX(jobs, job, ctx);
	WEFT_TRY_SEND(jobs, job);
	WEFT_RECV(ints, &n);
	WEFT_RECV(jobs, NULL);
	WEFT_RECV_UNTIL(ints, &n, WEFT_NEVER);
	WEFT_RECV_CTX(ints, &n, NULL);
	WEFT_TRY_RECV(jobs, &job);
	cases[0] = WEFT_ON_SEND(ints, &sum);
	cases[1] = WEFT_ON_RECV(jobs, &job);
	cases[2] = WEFT_ON_DONE(ctx);
	cases[3] = WEFT_ON_TIME(WEFT_NEVER);
	cases[4] = WEFT_ON_FD(0, WEFT_WRITABLE);
	n += weft_select(cases, 5) + weft_select_until(cases, 5, 0) + weft_select_ctx(cases, 5, ctx);
	n += selects(jobs, ints, ctx) + (int)(WEFT_CHAN_LEN(ints) + WEFT_CHAN_CAP(jobs));
	weft_chan_close(WEFT_UNTYPED(jobs));
	WEFT_CHAN_DESTROY(ints);
	weft_context_destroy(ctx);
	return n;
}

int main(void)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	return weft_run(plain, &group) + channels();
}
END
{ echo '#include <weft/weft.h>'; cat "$work/macros.body"; } >"$work/macros.c"
cp "$work/macros.c" "$work/macros.cc"

count=0
for header in "$source"/include/weft/*.h; do
	name=weft/${header##*/}
	count=$((count + 1))
	echo "#include <$name>" | tee "$work/alone.c" >"$work/alone.cc"
	# A second inclusion must do no harm, and a translation unit must hold something.
	{
		echo "#include <$name>"
		echo "extern int weft_alone;"
	} | tee -a "$work/alone.c" >>"$work/alone.cc"
	try "$name in C11" "$work/alone.c" $CC -std=c11
	if [ -n "${CXX:-}" ]; then
		try "$name in C++17" "$work/alone.cc" $CXX -std=c++17
	fi
	if grep -n '_Atomic' "$header"; then
		fail "$name uses _Atomic"
	fi
	if [ "$name" != weft/weft.h ] && ! grep -q "^#include <$name>" "$source/include/weft/weft.h"; then
		fail "weft/weft.h does not include $name"
	fi
done
[ "$count" -gt 0 ] || fail "no header in $source/include/weft"

try "the macros in C11" "$work/macros.c" $CC -std=c11
if [ -n "${CXX:-}" ]; then
	try "the macros in C++17" "$work/macros.cc" $CXX -std=c++17
	echo "$count headers, in C11 and C++17"
else
	echo "$count headers, in C11; no C++ compiler, C++17 was not tried"
fi

# A wrong type or count in a typed start must not compile.
for wrong in 'WEFT_GO(one, "text")' 'WEFT_GO(one, 1, 2)' 'WEFT_GO(one)'; do
	sed "s/WEFT_GO(one, 1)/$wrong/" "$work/macros.c" >"$work/wrong.c"
	if $CC -std=c11 -I"$source/include" -Werror -c "$work/wrong.c" -o "$work/out.o" \
		>"$work/log" 2>&1; then
		fail "$wrong compiles, although one takes an int"
	fi
done
exit $failed

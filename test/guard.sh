#!/bin/sh
# The guards in C11 and, where there is a C++ compiler, in C++17: they compile without a word, nested too, and
# let go however the block is left, in C++ also by an exception. A guard is a declaration, not a statement.
set -u
source=${2:?usage: guard.sh BUILD_DIR SOURCE_DIR}
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail()
{
	echo "FAIL: $*"
	failed=1
}

# The program brings its own functions: it needs no library, whatever the build was compiled with. The fast
# paths of the headers do all the rest.
cat >"$work/guard.c" <<'END'
#include <weft/mutex.h>
#include <weft/rwmutex.h>
#include <weft/spin.h>
#include <stdio.h>
#include <stdlib.h>
static weft_mutex_t mutex, other;
static weft_spin_t spin;
static weft_rwmutex_t rw;
static int wrong(const char *what) { printf("%s\n", what); exit(1); }
WEFT_EXTERN_C_BEGIN
int(weft_mutex_lock)(weft_mutex_t *m) { (void)m; return wrong("locked twice"); }
void(weft_mutex_unlock)(weft_mutex_t *m) { (void)m; wrong("unlocked twice"); }
void(weft_spin_lock)(weft_spin_t *s) { (void)s; wrong("spin lock locked twice"); }
void(weft_spin_unlock)(weft_spin_t *s) { (void)s; wrong("spin lock unlocked twice"); }
/* No fast path of the header: the state is the locks for writing plus 16 times those for reading. */
int weft_rwmutex_lock(weft_rwmutex_t *l) { l->weft__state += 1; return 0; }
void weft_rwmutex_unlock(weft_rwmutex_t *l) { l->weft__state -= 1; }
int weft_rwmutex_rlock(weft_rwmutex_t *l) { l->weft__state += 16; return 0; }
void weft_rwmutex_runlock(weft_rwmutex_t *l) { l->weft__state -= 16; }
const char *weft_strerror(int err) { (void)err; return ""; }
void weft_panic(const char *format, ...) { wrong(format); abort(); }
WEFT_EXTERN_C_END
static void held(const char *where, unsigned m, unsigned o, unsigned s)
{
	if (mutex.weft__state != m || other.weft__state != o || spin.weft__state != s)
		wrong(where);
}
static int work(int how)
{
	WEFT_MUTEX_GUARD(&mutex);
	held("in the block", 1, 0, 0);
	for (int i = 0; i < 2; i++) {
		WEFT_SPIN_GUARD(&spin);
		held("in the loop", 1, 0, 1);
		{
			WEFT_MUTEX_GUARD(&other);
			held("inside", 1, 1, 1);
			if (how == 1)
				return 1;
			if (how == 2)
				continue;
			if (how == 3)
				break;
			if (how == 4)
				goto out;
#if defined(__cplusplus)
			if (how == 5)
				throw 5;
#endif
		}
		held("after the inner block", 1, 0, 1);
	}
out:
	held("after the loop", 1, 0, 0);
	return how;
}
static int read_and_write(int how)
{
	for (int i = 0; i < 2; i++) {
		WEFT_RWMUTEX_READ_GUARD(&rw);
		if (rw.weft__state != 16)
			wrong("reading");
		if (how == 1)
			continue;
		{
			WEFT_RWMUTEX_READ_GUARD(&rw);
			if (rw.weft__state != 32)
				wrong("reading twice");
			if (how == 2)
				return 2;
		}
		if (how == 3)
			break;
	}
	if (rw.weft__state != 0)
		wrong("after reading");
	WEFT_RWMUTEX_GUARD(&rw);
	if (rw.weft__state != 1)
		wrong("writing");
#if defined(__cplusplus)
	if (how == 5)
		throw 5;
#endif
	return how;
}
int main(void)
{
	for (int how = 0; how <= 5; how++) {
#if defined(__cplusplus)
		try {
			read_and_write(how);
		} catch (int) {
		}
#else
		read_and_write(how);
#endif
		if (rw.weft__state != 0)
			wrong("rwmutex at the end");
#if defined(__cplusplus)
		try {
			work(how);
		} catch (int) {
		}
#else
		work(how);
#endif
		held("at the end", 0, 0, 0);
	}
	return 0;
}
END

# compiles COMPILER...
compiles()
{
	"$@" -I"$source/include" -Werror -Wall -Wextra -Wshadow -pedantic -o "$work/guard" >"$work/log" 2>&1
}

# works COMPILER...
works()
{
	if ! compiles "$@"; then
		fail "$1: the guards do not compile"
		head -20 "$work/log"
	elif ! ${WEFT_RUN:-} "$work/guard" >"$work/log" 2>&1; then
		fail "$1: $(cat "$work/log")"
	fi
}

works $CC -std=c11 "$work/guard.c"
[ -z "${CXX:-}" ] || works $CXX -std=c++17 -x c++ "$work/guard.c"

for macro in WEFT_MUTEX_GUARD WEFT_SPIN_GUARD WEFT_RWMUTEX_GUARD WEFT_RWMUTEX_READ_GUARD; do
	sed "s/^out:/	if (how == 6) $macro(0);/" "$work/guard.c" | sed '/goto out/d' >"$work/wrong.c"
	if compiles $CC -std=c11 "$work/wrong.c"; then
		fail "$macro may be a statement of its own: its block would be over at once"
	fi
done
exit $failed

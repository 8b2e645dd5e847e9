#!/bin/sh
# Clang's thread safety analysis understands the locks of weft, in C11 and C++17: right programs compile
# without a word, and wrong ones are refused for what is wrong with them.
set -u
source=${2:?usage: thread_safety.sh BUILD_DIR SOURCE_DIR}
CLANG=${CLANG:-clang}
if ! "$CLANG" --version >/dev/null 2>&1; then
	echo "skipped: no clang"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
right=0
wrong=0

fail()
{
	echo "FAIL: $*"
	failed=1
}

# A program around the statements of standard input.
program()
{
	cat <<'END'
#include <weft/context.h>
#include <weft/mutex.h>
#include <weft/rwmutex.h>
#include <weft/spin.h>
extern weft_mutex_t m;
extern weft_cond_t cond;
extern weft_spin_t s;
extern weft_seqlock_t q;
extern weft_rwmutex_t rw;
extern int data WEFT_GUARDED_BY(m);
extern int spun WEFT_GUARDED_BY(s);
extern int versioned WEFT_GUARDED_BY(q);
extern int shared WEFT_GUARDED_BY(rw);
extern int *pointer WEFT_PT_GUARDED_BY(m);
struct account {
	weft_mutex_t mutex;
	weft_spin_t spin;
	int balance WEFT_MEMBER_GUARDED_BY(mutex);
	int *history WEFT_MEMBER_PT_GUARDED_BY(mutex);
};
static void held(void) WEFT_REQUIRES(m);
static void held(void) { data++; }
static void not_held(void) WEFT_EXCLUDES(m);
static void not_held(void) { weft_mutex_lock(&m); data++; weft_mutex_unlock(&m); }
static void takes(void) WEFT_ACQUIRE(m);
static void takes(void) { weft_mutex_lock(&m); }
static void lets_go(void) WEFT_RELEASE(m);
static void lets_go(void) { weft_mutex_unlock(&m); }
static void handed_over(void) WEFT_NO_THREAD_SAFETY_ANALYSIS;
static void handed_over(void) { weft_mutex_unlock(&m); }
int statements(struct account *a, weft_context_t *ctx, int n);
int statements(struct account *a, weft_context_t *ctx, int n)
{
	(void)a, (void)ctx, (void)n;
	(void)held, (void)not_held, (void)takes, (void)lets_go, (void)handed_over;
END
	cat
	echo '	return 0;'
	echo '}'
}

# compile LANGUAGE: the program to be made of standard input
compile()
{
	program >"$work/program.c"
	case $1 in
	c) set -- -x c -std=c11 ;;
	*) set -- -x c++ -std=c++17 ;;
	esac
	"$CLANG" "$@" -I"$source/include" -Werror -Wall -Wextra -Wshadow -pedantic -Wthread-safety \
		-fsyntax-only "$work/program.c" >"$work/log" 2>&1
}

# fits LANGUAGES STATEMENTS
fits()
{
	for language in $1; do
		right=$((right + 1))
		if ! echo "$2" | compile "$language"; then
			fail "in $language this should compile: $2"
			head -20 "$work/log"
		fi
	done
}

# misfits LANGUAGES DIAGNOSTIC STATEMENTS
misfits()
{
	for language in $1; do
		wrong=$((wrong + 1))
		if echo "$3" | compile "$language"; then
			fail "in $language this should be refused: $3"
		elif ! grep -q "$2.*-Wthread-safety" "$work/log"; then
			fail "in $language this should be refused because \"$2\": $3"
			head -20 "$work/log"
		fi
	done
}

both='c c++'

# ---- right ----

fits "$both" ''
fits "$both" 'weft_mutex_lock(&m); data = 1; *pointer = data; held(); weft_mutex_unlock(&m);'
fits "$both" '(weft_mutex_lock)(&m); data = 1; (weft_mutex_unlock)(&m);'
fits "$both" 'if (weft_mutex_try_lock(&m) == 0) { data = 1; weft_mutex_unlock(&m); }'
fits "$both" 'if (weft_mutex_try_lock(&m) != 0) return 1; data = 1; weft_mutex_unlock(&m);'
fits "$both" 'while (weft_mutex_try_lock(&m)) n--; data = 1; weft_mutex_unlock(&m);'
fits "$both" \
	'int err = weft_mutex_lock_until(&m, 0); if (err != 0) return err; data = 1; weft_mutex_unlock(&m);'
fits "$both" 'int err = weft_mutex_lock_ctx(&m, ctx); if (err == 0) { data = 1; weft_mutex_unlock(&m); }'
fits "$both" 'weft_mutex_lock(&m); while (data == 0) weft_cond_wait(&cond, &m); weft_mutex_unlock(&m);'
fits "$both" \
	'takes(); n = weft_cond_wait_until(&cond, &m, 0) + weft_cond_wait_ctx(&cond, &m, ctx); lets_go();'
fits "$both" \
	'weft_mutex_lock(&m); if (n) { weft_mutex_unlock(&m); return 1; } data = 1; weft_mutex_unlock(&m);'
fits "$both" \
	'not_held(); weft_mutex_lock(&m); data = 1; weft_mutex_unlock(&m); not_held();'
fits "$both" 'weft_mutex_lock(&a->mutex); a->balance = 1; *a->history = 1; weft_mutex_unlock(&a->mutex);'
fits "$both" 'weft_spin_lock(&s); spun = 1; weft_spin_unlock(&s);'
fits "$both" 'if (weft_spin_try_lock(&s) == 0) { spun = 1; weft_spin_unlock(&s); }'
fits "$both" 'weft_seqlock_write_begin(&q); versioned = 1; weft_seqlock_write_end(&q);'
fits "$both" \
	'weft_seqlock_store(&q, &versioned, &n, sizeof n); weft_seqlock_load(&q, &n, &versioned, sizeof n);'
fits "$both" 'weft_rwmutex_lock(&rw); shared = 1; weft_rwmutex_unlock(&rw);'
fits "$both" 'weft_rwmutex_rlock(&rw); n = shared; weft_rwmutex_runlock(&rw);'
fits "$both" 'if (weft_rwmutex_try_lock(&rw) == 0) { shared = 1; weft_rwmutex_unlock(&rw); }'
fits "$both" 'if (weft_rwmutex_try_rlock(&rw) == 0) { n = shared; weft_rwmutex_runlock(&rw); }'
fits "$both" 'if (weft_rwmutex_lock_until(&rw, 0) == 0) { shared = 1; weft_rwmutex_unlock(&rw); }'
fits "$both" 'if (weft_rwmutex_rlock_ctx(&rw, ctx) == 0) { n = shared; weft_rwmutex_runlock(&rw); }'
fits "$both" \
	'weft_rwmutex_lock(&rw); while (shared) weft_cond_wait_write(&cond, &rw); weft_rwmutex_unlock(&rw);'
fits "$both" \
	'weft_rwmutex_rlock(&rw); while (shared) weft_cond_wait_read(&cond, &rw); weft_rwmutex_runlock(&rw);'
fits "$both" 'handed_over();'

# ---- guards ----

fits "$both" 'WEFT_MUTEX_GUARD(&m); data = 1; held(); if (n) return 1; data = 2;'
fits "$both" 'WEFT_SPIN_GUARD(&s); spun = 1;'
fits "$both" 'WEFT_RWMUTEX_GUARD(&rw); shared = 1;'
fits "$both" 'WEFT_RWMUTEX_READ_GUARD(&rw); n = shared;'
fits "$both" \
	'while (n-- > 0) { WEFT_MUTEX_GUARD(&m); data = n; if (n == 5) break; if (n == 6) continue; data++; }'
fits "$both" '{ WEFT_MUTEX_GUARD(&m); data = 1; } { WEFT_MUTEX_GUARD(&m); data = 2; }'
fits "$both" 'WEFT_MUTEX_GUARD(&m);
	{ WEFT_SPIN_GUARD(&s); spun = data;
		{ WEFT_MUTEX_GUARD(&a->mutex); n++; } }'
fits "$both" 'if (n) { WEFT_MUTEX_GUARD(&m); data = 1; } n++;'
fits "$both" \
	'if (n) { WEFT_MUTEX_GUARD(&m); data = 1; } weft_mutex_lock(&m); data = 1; weft_mutex_unlock(&m);'
fits "$both" 'WEFT_MUTEX_GUARD(&m); while (data == 0) weft_cond_wait(&cond, &m);'
fits "$both" 'if (n > 3) goto out; { WEFT_MUTEX_GUARD(&m); data = 1; if (data == n) goto out; } n = 1; out:'

# ---- wrong ----

misfits "$both" "writing variable 'data' requires holding mutex 'm'" 'data = 1;'
misfits "$both" "reading variable 'data' requires holding mutex 'm'" 'if (data) n = 1;'
misfits "$both" "pointed to by 'pointer' requires holding mutex 'm'" '*pointer = 1;'
misfits "$both" "calling function 'held' requires holding mutex 'm'" 'held();'
misfits "$both" "'m' is still held at the end of function" 'weft_mutex_lock(&m); data = 1;'
misfits "$both" "mutex 'm' is not held on every path" \
	'weft_mutex_lock(&m); if (n) weft_mutex_unlock(&m); n++;'
misfits "$both" "acquiring mutex 'm' that is already held" \
	'weft_mutex_lock(&m); weft_mutex_lock(&m); weft_mutex_unlock(&m);'
misfits "$both" "cannot call function 'not_held' while mutex 'm' is held" \
	'weft_mutex_lock(&m); not_held(); weft_mutex_unlock(&m);'
misfits "$both" "releasing mutex 'm' that was not held" 'weft_mutex_unlock(&m);'
misfits "$both" "writing variable 'data' requires holding mutex 'm'" \
	'weft_mutex_try_lock(&m); data = 1; weft_mutex_unlock(&m);'
misfits "$both" "releasing mutex 'm' that was not held" 'weft_mutex_lock_until(&m, 0); weft_mutex_unlock(&m);'
misfits "$both" "writing variable 'data' requires holding mutex 'm'" \
	'if (weft_mutex_lock_ctx(&m, ctx) != 0) data = 1; else weft_mutex_unlock(&m);'
misfits "$both" "'weft_cond_wait' requires holding mutex 'm'" 'weft_cond_wait(&cond, &m);'
misfits "$both" "'weft_cond_wait_until' requires holding mutex 'm'" 'weft_cond_wait_until(&cond, &m, 0);'
misfits "$both" "'weft_cond_wait_ctx' requires holding mutex 'm'" 'weft_cond_wait_ctx(&cond, &m, ctx);'
misfits "$both" "writing variable 'data' requires holding mutex 'm'" \
	'weft_mutex_lock(&a->mutex); data = 1; weft_mutex_unlock(&a->mutex);'
misfits "$both" "writing variable 'spun' requires holding spin lock 's'" 'spun = 1;'
misfits "$both" "'s' is still held at the end of function" 'weft_spin_lock(&s); spun = 1;'
misfits "$both" "acquiring spin lock 's' that is already held" \
	'weft_spin_lock(&s); weft_spin_lock(&s); weft_spin_unlock(&s);'
misfits "$both" "releasing spin lock 's' that was not held" 'weft_spin_try_lock(&s); weft_spin_unlock(&s);'
misfits "$both" "writing variable 'versioned' requires holding seqlock 'q'" 'versioned = 1;'
misfits "$both" "'q' is still held at the end of function" 'weft_seqlock_write_begin(&q);'
misfits "$both" "cannot call function 'weft_seqlock_load' while seqlock 'q' is held" \
	'weft_seqlock_write_begin(&q); weft_seqlock_load(&q, &n, &versioned, 4); weft_seqlock_write_end(&q);'
misfits "$both" "cannot call function 'weft_seqlock_store' while seqlock 'q' is held" \
	'weft_seqlock_write_begin(&q); weft_seqlock_store(&q, &versioned, &n, 4); weft_seqlock_write_end(&q);'
misfits "$both" "writing variable 'data' requires holding mutex 'm'" 'WEFT_MUTEX_GUARD(&a->mutex); data = 1;'
misfits "$both" "writing variable 'shared' requires holding rwmutex 'rw' exclusively" \
	'weft_rwmutex_rlock(&rw); shared = 1; weft_rwmutex_runlock(&rw);'
misfits "$both" "reading variable 'shared' requires holding rwmutex 'rw'" 'n = shared;'
misfits "$both" "releasing rwmutex 'rw' using exclusive access, expected shared" \
	'weft_rwmutex_rlock(&rw); weft_rwmutex_unlock(&rw);'
misfits "$both" "releasing rwmutex 'rw' using shared access, expected exclusive" \
	'weft_rwmutex_lock(&rw); weft_rwmutex_runlock(&rw);'
misfits "$both" "'rw' is still held at the end of function" 'weft_rwmutex_rlock(&rw); n = shared;'
misfits "$both" "'weft_cond_wait_write' requires holding rwmutex 'rw' exclusively" \
	'weft_rwmutex_rlock(&rw); weft_cond_wait_write(&cond, &rw); weft_rwmutex_runlock(&rw);'
misfits "$both" "'weft_cond_wait_read_until' requires holding rwmutex 'rw'" \
	'weft_cond_wait_read_until(&cond, &rw, 0);'
misfits "$both" "writing variable 'shared' requires holding rwmutex 'rw' exclusively" \
	'WEFT_RWMUTEX_READ_GUARD(&rw); shared = 1;'

# What clang follows in C++ only.
misfits c++ "writing variable 'balance' requires holding mutex 'a->mutex'" 'a->balance = 1;'
misfits c++ "pointed to by 'history' requires holding mutex 'a->mutex'" '*a->history = 1;'
misfits c++ "writing variable 'data' requires holding mutex 'm'" '{ WEFT_MUTEX_GUARD(&m); } data = 1;'
misfits c++ "writing variable 'spun' requires holding spin lock 's'" '{ WEFT_SPIN_GUARD(&s); } spun = 1;'
misfits c++ "acquiring mutex 'm' that is already held" 'WEFT_MUTEX_GUARD(&m);
	{ WEFT_MUTEX_GUARD(&m); }'
fits c++ '{ WEFT_MUTEX_GUARD(&m); } weft_mutex_lock(&m); data = 1; weft_mutex_unlock(&m); not_held();'

echo "$right right, $wrong wrong"
exit $failed

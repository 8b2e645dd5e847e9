#!/bin/sh
# weft-test: timeout=300
#
# lab_getdir.sh - `weft lab getdir`: its claims on a tree made for it, statuses, messages; and `weft lab`.
set -u
[ -n "${WEFT_BIN:-}" ] || { echo "no command built"; exit 77; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-lab-test-XXXXXX") || exit 1
trap 'chmod -R u+rwx "$tmp" 2>/dev/null; rm -rf -- "$tmp"' EXIT
chmod 755 "$tmp"
cd "$tmp" || exit 1
export LC_ALL=C

# What the lab leaves behind on purpose is no finding.
ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
# Its directories are made here; they must be gone at its end.
TMPDIR=$tmp/scratch
export ASAN_OPTIONS TMPDIR
mkdir -m 777 scratch

fail() {
	echo "FAILED: $*" >&2
	echo "---- stdout:" >&2
	cat "$tmp/out" >&2
	echo "---- stderr:" >&2
	cat "$tmp/err" >&2
	exit 1
}
weft() {
	${WEFT_RUN:-} "$WEFT_BIN" "$@"
}
# status EXPECTED COMMAND...: runs it; its output is in out and err.
status() {
	want=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got -eq "$want" ] || fail "exit status $got, not $want: $*"
	[ -z "$(ls -A scratch)" ] || fail "left in TMPDIR: $(ls -A scratch)"
}
says() {
	grep -qF -- "$1" "$tmp/err" || fail "stderr without '$1'"
}
# How many lines of the output match.
lines() {
	[ "$(grep -Ec -- "$2" "$tmp/out")" -eq "$1" ] || fail "not $1 lines like '$2'"
}

# ---- a tree: 3 * 41 + 3 entries ----
mkdir -p tree/deep/deeper
i=0
while [ $i -lt 41 ]; do
	mkdir "tree/d$i"
	: >"tree/d$i/file"
	ln -s file "tree/d$i/link"
	i=$((i + 1))
done
: >tree/deep/deeper/last

# ---- the claims ----
claims() { # ALL: the number of entries; "$@" was run
	all=$1
	lines 0 '^ *NO '
	lines 1 "^[0-9]+ of [0-9]+ as claimed$"
	got=$(sed -n 's/^\([0-9]*\) of \1 as claimed$/\1/p' out)
	[ "$(grep -c '^  ok  ' out)" = "$got" ] || fail "counts its claims wrongly"
	lines 1 '^  ok  DIR +1 entry, the caller goes$'
	lines 1 '^  ok  the producer is left behind +tasks: 1 before, 2 after$'
	lines 1 '^  ok  an empty directory +0 entries, the channel is closed$'
	lines 1 '^  ok  one that does not exist +0 entries, the channel is closed$'
	lines 2 '^  ok  DIR, one entry is enough +1 entry, stopped$'
	lines 2 '^  ok  an empty directory +0 entries, finished$'
	lines 2 "^  ok  one that does not exist +0 entries, failed: 'missing': no such file or directory$"
	lines 2 '^  ok  no task is left behind +tasks: 2 before, 2 after$'
	lines 2 '^  ok  nothing is left open +descriptors: ([0-9]+) before, \1 after$'
	lines 1 "^      a channel +$all entries, the channel is closed, in "
	lines 1 "^  ok  they see the same entries +$all$"
	lines 1 '^  ok  the producer of 1 waits still +for '
	# The runtime names the one that is left, and no other.
	[ "$(grep -c '^  task ' err)" -eq 1 ] || fail "not one task is named at exit"
	grep -Eq '^  task [0-9]+ "getdir" \[waits: .*send.*\] created at .*lab_getdir\.c:[0-9]+$' err ||
		fail "the task that is left is not named"
}
for procs in 1 2 4; do
	WEFT_PROCS=$procs
	export WEFT_PROCS
	status 0 weft lab getdir tree
	claims 126
	lines 1 '^      channel, context, status +126 entries, finished, in '
	lines 1 '^      a callback +126 entries, finished, in '
	lines 1 '^  ok  those that say how it ended agree +126 entries, finished$'
done
unset WEFT_PROCS
status 0 weft lab getdir -- tree/deep/
claims 2

# ---- where permissions bind ----
chmod 0 tree/d7
if [ "$(id -u)" -ne 0 ]; then
	unprivileged() { "$@"; }
elif command -v setpriv >/dev/null; then
	unprivileged() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
fi
if command -v unprivileged >/dev/null && unprivileged test -x "$WEFT_BIN" &&
	! unprivileged ls tree/d7 >/dev/null 2>&1; then
	status 0 unprivileged ${WEFT_RUN:-} "$WEFT_BIN" lab getdir tree
	claims 124
	lines 1 '^  ok  one that may not be read +0 entries, the channel is closed$'
	lines 2 "^  ok  one that may not be read +0 entries, failed: 'locked': permission denied$"
	lines 1 "^      channel, context, status +124 entries, failed: 'tree/d7': permission denied, in "
	lines 1 "^      a callback +124 entries, failed: 'tree/d7': permission denied, in "
	status 1 unprivileged ${WEFT_RUN:-} "$WEFT_BIN" lab getdir tree/d7
	says "weft lab getdir: 'tree/d7': permission denied"
else
	echo "unreadable directories: not tested, permissions do not bind here"
fi
chmod 700 tree/d7

# ---- directories that cannot do ----
status 1 weft lab getdir missing
says "weft lab getdir: 'missing': no such file or directory"
status 1 weft lab getdir tree/d1/file
says "weft lab getdir: 'tree/d1/file': not a directory"
status 1 weft lab getdir tree/deep/deeper
says "has fewer than two entries"
status 1 weft lab getdir "mis$(printf '\033')sing"
says "'mis\\033sing'"
TMPDIR=$tmp/none weft lab getdir tree >out 2>err
[ $? -eq 1 ] || fail "without TMPDIR"
says "none/weft-lab-"

# ---- output that cannot be written ----
weft lab getdir tree >&- 2>err
[ $? -eq 1 ] || fail "stdout closed"
says "weft lab getdir: cannot write: "
if [ -w /dev/full ]; then
	weft lab getdir tree >/dev/full 2>err
	[ $? -eq 1 ] || fail "/dev/full"
	says "weft lab getdir: cannot write: No space left on device"
fi

# ---- the command line ----
status 2 weft lab nonsense
says "weft lab: unknown lab 'nonsense'"
says "Try 'weft lab --help'."
status 2 weft lab --nonsense
says "unknown option '--nonsense'"
status 2 weft lab getdir --nonsense
says "Try 'weft lab getdir --help'."
status 2 weft lab getdir tree tree
says "one DIR at most"
status 0 weft lab
lines 1 '^  getdir  '
for args in '--help' '-h' 'getdir --help' 'getdir tree -h'; do
	# shellcheck disable=SC2086 # words
	status 0 weft lab $args
	[ ! -s err ] || fail "stderr: weft lab $args"
	lines 1 '^Usage: weft lab'
done
status 0 weft help lab
lines 1 '^Usage: weft lab'
echo fine

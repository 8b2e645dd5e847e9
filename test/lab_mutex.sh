#!/bin/sh
# weft-test: timeout=300
#
# lab_mutex.sh - `weft lab mutex`: that it tells everything, the page, statuses and messages. What it measures
# in such short rounds may be as claimed or not; but each claim must be there, and the counts be right.
set -u
[ -n "${WEFT_BIN:-}" ] || { echo "no command built"; exit 77; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-lab-mutex-XXXXXX") || exit 1
trap 'rm -rf -- "$tmp"' EXIT
cd "$tmp" || exit 1
export LC_ALL=C
unset WEFT_PROCS
: >out
: >err

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
	"$@" >out 2>err
	got=$?
	[ $got -eq "$want" ] || fail "exit status $got, not $want: $*"
}
# measure ARGUMENT...: the status must be what the claims say.
measure() {
	weft lab mutex "$@" >out 2>err
	got=$?
	[ ! -s err ] || fail "stderr: $*"
	lines 1 '^[0-9]+ of [0-9]+ as claimed$'
	kept=$(grep -c '^  ok  ' out)
	broken=$(grep -c '^  NO  ' out)
	lines 1 "^$kept of $((kept + broken)) as claimed$"
	[ $got -eq $((broken > 0)) ] || fail "exit status $got with $broken claims broken: $*"
	lines 1 '^  ok  every count was right +in [0-9]+ runs$'
}
says() {
	grep -qF -- "$1" err || fail "stderr without '$1'"
}
# How many lines of the output match.
lines() {
	[ "$(grep -Ec -- "$2" out)" -eq "$1" ] || fail "not $1 lines like '$2'"
}
in_page() { # N PATTERN
	[ "$(grep -Eo -- "$2" page.html | wc -l)" -eq "$1" ] || fail "page.html: not $1 times '$2'"
}

# Every tag is closed by its own, but for those that need not be; nothing is fetched.
check_page() {
	awk '
		{ page = page $0 "\n" }
		END {
			while (match(page, /<[^>]*>/)) {
				tag = substr(page, RSTART, RLENGTH)
				page = substr(page, RSTART + RLENGTH)
				if (tag ~ /^<!DOCTYPE html>$/ || tag ~ /^<meta / || tag ~ /\/>$/)
					continue
				name = tag
				gsub(/^<\/?|[ >\n].*$/, "", name)
				if (tag !~ /^<\//) {
					open[++depth] = name
				} else if (depth == 0 || open[depth--] != name) {
					print "closed, but not open: " tag
					exit 1
				}
			}
			if (depth > 0 || page ~ /[<>]/) {
				print "not closed: " open[depth]
				exit 1
			}
		}
	' page.html >&2 || fail "page.html is not well-formed"
	[ "$(tail -n 1 page.html)" = '</html>' ] || fail "page.html ends early"
	! grep -Eiq 'https?:|src=|href=|url\(|@import|<script' page.html || fail "page.html fetches something"
	! grep -Eiwq -- '-?(nan|inf)' page.html || fail "page.html: what number is that?"
	ids=$(grep -Eo ' id="[^"]*"' page.html | sort | uniq -d)
	[ -z "$ids" ] || fail "page.html: twice: $ids"
}

# ---- all of it ----
: >page.html
i=0
while [ $i -lt 20000 ]; do # more than the page will be
	echo 'what was there before'
	i=$((i + 1))
done >page.html
measure --rounds 2 --ms 2 -o page.html
lines 1 '^[0-9]+ processors?, [0-9]+ CPUs?; 2 rounds of 2 ms, medians of them$'
for tasks in '1 task' '2 tasks' '4 tasks' '16 tasks' '64 tasks'; do
	lines 1 "^short section \([0-9.]+ [nu]s\), $tasks$"
	lines 1 "^long section \([0-9.]+ [num]s\), $tasks$"
done
lines 1 '^a hog, and 4 others$'
lines 11 '^  policy  +ops/s  +[+]-  *to go1.9 .* starving$'
for policy in default barging handoff spinning go1.8 go1.9; do
	# Times have a unit, numbers may have one.
	lines 11 "^  $policy +[0-9.]+( [kMG])? .* ([0-9.]+ [num]?s +){3}[0-9]+ %( +[0-9.]+){5}$"
done
lines 11 '^  go1.9 .* 1\.00 '
check_page
in_page 15 '<svg '
in_page 15 '</svg>'
in_page 15 '<desc '
in_page 11 '<caption>'
in_page 66 '<th scope="row">'
in_page "$(grep -Ec '^  (ok|NO|  )  ' out)" '<tr><td( class="(good|bad)">(ok|NO))?'
for id in short long hog; do
	for what in ops share longest p999 cpu; do
		in_page 1 "<title id=\"$id-$what-t\">"
	done
done

# ---- the claims: all are told where the rounds are long enough, and CPUs are there ----
measure --procs 2 --tasks 2 --rounds 1 --ms 50
cpus=$(sed -n 's/^2 processors, \([0-9]*\) CPU.*$/\1/p' out)
if [ "$cpus" -ge 2 ]; then
	for claim in 'barging outruns handing over' 'handing over is fair' 'and costs a switch a time' \
		'spinning outruns handing over' 'default is near barging, or better' \
		'default outruns go1\.9' 'default is fair'; do
		lines 1 "^  (ok|NO)  $claim  +[a-z]"
	done
else
	lines 1 '^      short section +with one processor nobody finds the mutex locked$'
fi
# Where others have the CPUs, there is none to burn.
lines 1 '^  (ok|NO|  )  spinning burns CPU  +[a-z]'
lines 1 '^other work on the machine had [0-9.]+ CPUs meanwhile$'
for claim in 'barging lets others starve' 'go1\.8 lets others starve' \
	'go1\.9 bounds the wait' 'default bounds the wait'; do
	lines 1 "^  (ok|NO)  $claim  +[a-z]"
done

# ---- some of it ----
measure --tasks 3 --policies go1.8,default --rounds 1 --ms=1 --procs 2
lines 3 '^  default '
lines 3 '^  go1.8 .* - '
lines 0 '^  (barging|handoff|spinning|go1.9) +[0-9]'
lines 1 '^      spinning burns CPU +(needs the policies spinning and go1\.9|not told: other work had .*)$'
lines 1 '^      who starves +not told: a round of 1 ms is too short$'
measure --tasks 1 --rounds 1 --ms 1 --output page.html
lines 1 '^      short section +nobody fights for the mutex: --tasks has only 1$'
check_page
measure --tasks 1,5 --rounds 1 --ms 1 --procs 1
lines 1 '^1 processor, '
lines 1 '^      short section +with one processor nobody finds the mutex locked$'
WEFT_PROCS=3
export WEFT_PROCS
measure --tasks 7 --rounds 1 --ms 1
lines 1 '^3 processors, '
unset WEFT_PROCS

# ---- output that cannot be written: before anything is measured, where that can be known ----
status 1 weft lab mutex -o none/page.html
says "weft lab mutex: 'none/page.html': No such file or directory"
[ ! -s out ] || fail "measured for nothing"
status 1 weft lab mutex -o .
says "weft lab mutex: '.': Is a directory"
if [ -w /dev/full ]; then
	status 1 weft lab mutex --tasks 1 --rounds 1 --ms 1 -o /dev/full
	says "weft lab mutex: '/dev/full': No space left on device"
	weft lab mutex --tasks 1 --rounds 1 --ms 1 >/dev/full 2>err
	[ $? -eq 1 ] || fail "/dev/full"
	says "weft lab mutex: cannot write: No space left on device"
fi
weft lab mutex --tasks 1 --rounds 1 --ms 1 >&- 2>err
[ $? -eq 1 ] || fail "stdout closed"
says "weft lab mutex: cannot write: "

# ---- the command line ----
wrong() { # MESSAGE ARGUMENT...
	message=$1
	shift
	status 2 weft lab mutex "$@"
	says "weft lab mutex: $message"
	says "Try 'weft lab mutex --help'."
	[ ! -s out ] || fail "stdout: $*"
}
for list in 0 -1 '' 1, ,1 1,,2 2,1 2,2 1025 x 1x 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
	wrong '--tasks must be numbers from 1 to 1024' --tasks "$list"
done
wrong "unknown policy 'fair'" --policies fair
wrong "unknown policy ''" --policies default,
wrong "unknown policy ''" --policies ''
wrong "--rounds must be a number from 1 to 99, not '0'" --rounds 0
wrong "--rounds must be a number from 1 to 99, not '100'" --rounds 100
wrong "--ms must be a number from 1 to 60000, not '-5'" --ms -5
wrong "--ms must be a number from 1 to 60000, not '1.5'" --ms 1.5
wrong "--ms must be a number from 1 to 60000, not '99999999999999999999'" --ms 99999999999999999999
wrong "--procs must be a number from 1 to 4096, not 'two'" --procs two
wrong "option '--ms' needs a value" --ms
wrong "option '-o' needs a value" -o
wrong "option '--help' takes no value" --help=yes
wrong "unknown option '-x'" -x
wrong "unknown or ambiguous option '--nonsense'" --nonsense
wrong "takes no arguments, but options: 'go1.9'" go1.9
status 0 weft lab
lines 1 '^  mutex  '
for args in --help -h '--ms 5 --help'; do
	# shellcheck disable=SC2086 # words
	status 0 weft lab mutex $args
	[ ! -s err ] || fail "stderr: weft lab mutex $args"
	lines 1 '^Usage: weft lab mutex '
done
echo fine

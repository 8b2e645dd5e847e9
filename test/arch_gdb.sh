#!/bin/sh
# gdb sees whole stacks: from inside a task, and at each instruction of a switch, to a fresh context (the
# first switch of the program is to one) and between tasks. Uses the program arch_backtrace.c. Skipped
# without gdb, where ptrace is not permitted, and in cross builds.
set -u
build=${1:-${WEFT_BUILD_DIR:?}}
program=$build/test/arch_backtrace

[ "${WEFT_CROSS:-0}" = 1 ] && { echo "skipped: cross build"; exit 77; }
command -v gdb >/dev/null || { echo "skipped: no gdb"; exit 77; }

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# The other threads stand still while one steps through the switch, so it must not step further: to wait for
# one of them would last for ever.
cat >"$scratch/commands" <<'END'
set confirm off
set pagination off
set width 0

define step_through
	delete
	break *weft__arch_switch
	continue
	delete
	set scheduler-locking on
	set $steps = 0
	set $first = (unsigned long)&weft__arch_switch
	set $end = (unsigned long)&weft__arch_prepare
	while (unsigned long)$pc >= $first && (unsigned long)$pc < $end
		echo == step\n
		backtrace
		stepi
		set $steps = $steps + 1
	end
	echo == end\n
	printf "stepped %d times\n", $steps
	set scheduler-locking off
end

break main
run </dev/null >/dev/null 2>&1
echo == fresh\n
step_through
break trace_here
continue
echo == task\n
backtrace
step_through
kill
END

LC_ALL=C DEBUGINFOD_URLS= gdb -nx -batch -x "$scratch/commands" "$program" >"$scratch/out" 2>&1 </dev/null
if grep -qiE 'ptrace: |could not trace the inferior|cannot trace' "$scratch/out"; then
	echo "skipped: ptrace is not permitted"
	exit 77
fi

awk '
	BEGIN {
		start = "weft(__|[.])arch_start" # gdb takes __ for Ada where it has no debug information
		outermost = " (main|_start|start_thread|_*clone[0-9]*) "
	}
	function fail(text) { print "failed: " text; failed = 1 }
	function finish() {
		if (kind == "task") {
			if (chain != " trace_here trace_inner trace_middle trace_outer trace_task")
				fail("the chain of the task is" chain)
			if (last !~ start)
				fail("the task does not begin in weft__arch_start: " last)
			tasks++
		} else if (kind == "step") {
			# a fresh context is at its outermost frame itself
			if (depth < (last ~ start ? 1 : 2) || last !~ start && last !~ outermost)
				fail("a stack ends too early: " last)
			starts += depth == 1
			steps++
		}
		kind = ""
	}
	/^stepped [0-9]/ { switches += $2 >= 10 }
	/^== / { finish(); kind = $2; chain = ""; depth = 0; last = ""; next }
	kind != "" && /corrupt stack|Backtrace stopped/ { fail($0) }
	kind != "" && /^#[0-9]/ {
		last = $0
		depth++
		for (i = 2; i <= NF; i++)
			if ($i ~ /^trace_[a-z]+$/)
				chain = chain " " $i
	}
	END {
		if (tasks != 1)
			fail("gdb did not stop in the task")
		if (switches != 2 || steps < 20)
			fail("gdb did not step through two switches")
		if (starts < 1)
			fail("gdb did not see a context begin")
		exit failed
	}
' "$scratch/out" && { grep '^stepped' "$scratch/out"; exit 0; }
cat "$scratch/out"
exit 1

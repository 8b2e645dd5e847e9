#!/bin/sh
# gdb sees whole stacks: from inside a task, and at each instruction of a context switch. Uses the program
# arch_backtrace.c. Skipped without gdb, where ptrace is not permitted, and in cross builds.
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
break trace_here
run </dev/null >/dev/null 2>&1
echo == task\n
backtrace
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
			if (depth < 2 || last !~ start && last !~ outermost)
				fail("a stack ends too early: " last)
			steps++
		}
		kind = ""
	}
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
		if (steps < 10)
			fail("gdb did not step through a switch")
		exit failed
	}
' "$scratch/out" && { grep '^stepped' "$scratch/out"; exit 0; }
cat "$scratch/out"
exit 1

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every flush of kernel mappings on kernels without guest_memfd: whose it is, by its stack; which CPU answered.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

require_build build/bin/gmemtrace all

# A module comes and goes, so that vmalloc flushes; memfd_secret pages are touched. One CPU of the others stays idle.
load='load-modules kvm >/dev/null 2>&1; rmmod irqbypass >/dev/null 2>&1; gmem-load secretmem --pages 200 --rounds 1 >/dev/null
	gmemtrace features >/dev/null 2>&1; sleep 1'

# observed NAME GUEST-OPTION...
observed() {
	local name=$1
	shift
	guest --smp 3 "$@" -- sh -c '
		gmemtrace record --flushes -o /out/run.cap -- sh -c "'"$load"'" 2>/out/record.stderr; echo $?
		gmemtrace latency --json --cpu 0-2 /out/run.cap >/out/run.json; echo $?
		gmemtrace latency /out/run.cap >/out/run.txt; echo $?
		gmemtrace flame /out/run.cap >/out/run.folded; echo $?
		gmemtrace check --json /out/run.cap >/out/check.json; echo $?'
	stdout_is '0
0
0
0
0' "$name: recorded, reported, and the verdict is what it was"
	# A program that interrupts itself is not run (missed-times): that is counted, and rare.
	json_ok "$out/run.json" '.every_flush and .flushes > 200 and .lost * 50 < .flushes' "$name: every flush"
	json_ok "$out/run.json" '.kinds.elsewhere + .kinds["over-ceiling"] > 0' "$name: flushes of vmalloc among them"
	json_ok "$out/run.json" '[.callers[].stack | select(test("^[^;]+;.*(vfree|vunmap|purge_vmap|vmalloc|execmem|module).*;flush_tlb_kernel_range$"))] | length > 0' \
		"$name: with the stack of who asked"
	json_ok "$out/run.json" '[.callers[] | select(.stack | test("secretmem_fault.*flush_tlb_kernel_range$"))] | (map(.count) | add) >= 200' \
		"$name: those of memfd_secret, each"
	json_ok "$out/run.json" '[.rows[] | select(.key == "exposure")][0] | .count >= 200 and .never == 0' "$name: exposures"
	if [ ! -s "$out/run.txt" ] || grep -qE 'ffff[89a-f][0-9a-f]{11}' "$out"/run.*; then
		fail "$name: no address is stored or printed"
	else
		pass "$name: no address is stored or printed"
	fi
	file_like "$out/run.folded" '^[^; ]+-[0-9]+;([^; ]+;)+flush_[a-z]+ [0-9]+$' "$name: folded"
}

# late_by_trace TRACE: "CPU NUMBER" a line, how often each was the last to answer gmem-load, by ftrace's own events.
late_by_trace() {
	awk '
		# TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS
		{ cpu = $2; gsub(/[^0-9]/, "", cpu); cpu += 0; csd = $0; sub(/.*csd=/, "", csd) }
		/csd_queue_cpu:/ && /gmem-load/ && /func=do_(flush_tlb_all|kernel_range_flush)/ {
			target = $0; sub(/.*cpu=/, "", target); sub(/ .*/, "", target)
			if (!(cpu in open) || !open[cpu]) { group[cpu]++; open[cpu] = 0 }
			open[cpu]++; from[csd] = cpu; next
		}
		/csd_function_exit:/ && (csd in from) {
			if (--open[from[csd]] == 0) last[cpu]++
			delete from[csd]
		}
		END { for (cpu in last) print cpu, last[cpu] }' "$1" | sort -n
}

# The last CPU, as two say it who do not know of each other: within 1 %, and what else flushed meanwhile.
late_agrees() {
	local name=$1
	shift
	guest --smp 4 "$@" -- sh -c 'cd /sys/kernel/tracing && echo mono >trace_clock && echo 16384 >buffer_size_kb &&
		echo 1 >events/csd/enable && echo 0 >tracing_on && echo >trace
		gmemtrace record --flushes --stacks 0 -o /tmp/run.cap -- sh -c "echo 1 >/sys/kernel/tracing/tracing_on
			gmem-load secretmem --pages 500 --rounds 2 >/dev/null; echo 0 >/sys/kernel/tracing/tracing_on" 2>/dev/null
		gmemtrace latency --json /tmp/run.cap >/out/late.json; cp trace /out/trace; cat per_cpu/*/stats | grep -c "overrun: [1-9]"'
	stdout_is 0 "$name: the other tracer has lost nothing"
	late_by_trace "$out/trace" >"$test_work/late"
	json_ok "$out/late.json" '.flushes > 900' "$name: flushes on four CPUs"
	is "$(jq -r '[.late[] | {cpu, count}] | group_by(.cpu)[] | "\(.[0].cpu) \(map(.count) | add)"' "$out/late.json" |
		join -a 1 -a 2 -o 0,1.2,2.2 -e 0 - "$test_work/late" |
		awk '{ d = $2 - $3; off += d < 0 ? -d : d; all += $3 } END { print (all > 900), (off <= all * 0.01 + 4 ? "agrees" : off " of " all) }')" \
		'1 agrees' "$name: the CPU named as last is the last by other timestamps"
}

observed stock-6.12 --kernel stock-6.12
json_ok "$out/run.json" '.asked > 400 and .answered == .asked' 'stock-6.12: every CPU asked was seen to answer'
json_ok "$out/run.json" '([.late[].count] | add) == ([.rows[] | select(.key == "phase.return")][0].count)' \
	'stock-6.12: and one was the last of each'
json_ok "$out/run.json" '[.interrupters[] | select(.task == "gmem-load")] | (map(.count) | add) >= 400' \
	'stock-6.12: who interrupted these CPUs'
late_agrees stock-6.12 --kernel stock-6.12
observed stock-6.1 --kernel stock-6.1
json_ok "$out/run.json" '.asked == null and (.missing | join(" ") | test("not judged.*6.5"))' \
	'stock-6.1: which CPU answers is not judged, and that is said'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every flush of kernel mappings on kernels without guest_memfd: whose it is, by its stack; which CPU answered.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

require_build build/bin/gmemtrace all
require_build build/tests/vm/late guest-programs
require_build build/tests/vm/witness guest-programs

# A module comes and goes, so that vmalloc flushes; memfd_secret pages are touched. One CPU of the others stays idle.
load='load-modules kvm >/dev/null 2>&1; rmmod irqbypass >/dev/null 2>&1; gmem-load secretmem --pages 200 --rounds 1 >/dev/null
	gmemtrace features >/dev/null 2>&1; sleep 1'

# splits_seen NAME: memfd_secret takes pages out of large leaves; whoever splits them is named, and by how many.
splits_seen() {
	json_ok "$out/run.json" '.kinds.split > 0 and .leaves_split >= .kinds.split' "$1: splits of the direct map"
	json_ok "$out/run.json" '.leaves["4k"].after > .leaves["4k"].before and
		(.leaves["2m"].after < .leaves["2m"].before or .leaves["1g"].after < .leaves["1g"].before)' "$1: leaves before and after"
	json_ok "$out/run.json" '[.splits[] | select(.stack | test("set_direct_map_|set_memory_|__set_pages_|cpa_|execmem|module"))] | length > 0' \
		"$1: and who split them"
}

# summary_seen NAME: the same without a record of each; no split can be told.
summary_seen() {
	json_ok "$out/sum.json" '.summary and .asked == null and (.missing | length > 0)' "$1: histograms kept in the kernel"
	json_ok "$out/sum.json" '[.rows[] | select(.key == "flush.one")][0].count >= 200' "$1: every flush is in them"
	json_ok "$out/sum.json" '[.rows[] | select(.key == "exposure")][0] | .count >= 200 and .min_ns > 0 and .max_ns >= .p50_ns' \
		"$1: and every exposure"
	json_ok "$out/sum.json" '.flushes == ([.rows[] | select(.key | test("^asked[.]2$")).count] | add)' "$1: by CPUs that there are"
	is "$(jq '[.rows[] | select(.key == "exposure")][0].count' "$out/sums.json")" \
		"$(jq '[.rows[] | select(.key == "exposure")][0].count * 2' "$out/sum.json")" "$1: two of them merged"
}

# witness_seen NAME: each CPU takes part in each flush, or the kernel does not show that.
witness_seen() {
	json_ok "$out/witness.json" '.verdict == "consistent" and .flushes >= 200 and .lost_by_cause.unwitnessed == null' \
		"$1: no CPU is missing in any flush, and each was looked at"
	json_ok "$out/witness.json" '[.rules_not_judged[] | select(.rule == "flush-mismatch").reason] |
		. == [] or (.[0] | test("tracepoints of csds came with 6.5$"))' "$1: which was judged, or is said not to be"
}

# observed NAME GUEST-OPTION...
observed() {
	local name=$1
	shift
	guest --smp 3 "$@" -- sh -c '
		gmemtrace record --flushes --changes -o /out/run.cap -- sh -c "'"$load"'" 2>/out/record.stderr; echo $?
		gmemtrace latency --json --cpu 0-2 /out/run.cap >/out/run.json; echo $?
		gmemtrace latency /out/run.cap >/out/run.txt; echo $?
		gmemtrace flame /out/run.cap >/out/run.folded; echo $?
		gmemtrace check --json /out/run.cap >/out/check.json; echo $?
		gmemtrace record --summary -o /out/sum.cap -- gmem-load secretmem --pages 200 --rounds 1 >/dev/null 2>&1; echo $?
		gmemtrace latency --json /out/sum.cap >/out/sum.json; echo $?
		gmemtrace latency --json --merge /out/sum.cap /out/sum.cap >/out/sums.json; echo $?
		gmemtrace export --format perfetto -o /out/export.trace /out/run.cap; echo $?
		gmemtrace export --format ndjson -o /out/live.ndjson -- gmem-load secretmem --pages 20 --rounds 1 >/dev/null; echo $?
		gmemtrace check --witness --json -- gmem-load secretmem --pages 200 --rounds 1 >/out/witness.json; echo $?
		gmemtrace check /out/sum.cap >/dev/null 2>&1; echo $?'
	stdout_is '0
0
0
0
0
0
0
0
0
0
0
5' "$name: recorded, reported, and the verdict is what it was"
	# A program that interrupts itself is not run (missed-times): that is counted, and rare.
	json_ok "$out/run.json" '.every_flush and .flushes > 200 and .lost * 50 < .flushes' "$name: every flush"
	json_ok "$out/run.json" '.kinds.elsewhere + .kinds["over-ceiling"] > 0' "$name: flushes of vmalloc among them"
	json_ok "$out/run.json" '[.callers[].stack | select(test("^[^;]+;.*(vfree|vunmap|purge_vmap|vmalloc|execmem|module).*;flush_tlb_kernel_range$"))] | length > 0' \
		"$name: with the stack of who asked"
	json_ok "$out/run.json" '[.callers[] | select(.stack | test("secretmem_fault.*flush_tlb_kernel_range$"))] | (map(.count) | add) >= 200' \
		"$name: those of memfd_secret, each"
	json_ok "$out/run.json" '[.rows[] | select(.key == "exposure")][0] | .count >= 200 and .never == 0' "$name: exposures"
	json_ok "$out/run.json" '[.rows[] | select(.key == "zap" or .key == "restore") | .count >= 200] == [true, true]' \
		"$name: changes, timed as was asked for"
	witness_seen "$name"
	splits_seen "$name"
	summary_seen "$name"
	if [ ! -s "$out/run.txt" ] || grep -qE 'ffff[89a-f][0-9a-f]{11}' "$out"/run.*; then
		fail "$name: no address is stored or printed"
	else
		pass "$name: no address is stored or printed"
	fi
	is "$(jq -s '[.[] | select(.type == "flush" and .timed and (.stack // "" | test("secretmem_fault")))] | length >= 20' "$out/live.ndjson")" true \
		"$name: exported while it happens"
	protoc --proto_path="$top/src/export" --decode=perfetto.Trace perfetto.proto <"$out/export.trace" >"$test_work/trace"
	is "$(grep -c 'name: "CPUs: flushes"' "$test_work/trace") $(grep -c TYPE_SLICE_END "$test_work/trace") $(grep -c terminating_flow_ids "$test_work/trace")" \
		"1 $(grep -c TYPE_SLICE_BEGIN "$test_work/trace") $(grep -cE '^    flow_ids' "$test_work/trace")" \
		"$name: in a trace for Perfetto what begins ends, and each flow has two ends"
	# A range up to the end of all files is no address.
	is "$(grep -aohE 'ffff[89a-f][0-9a-f]{11}' "$out/export.trace" "$out/live.ndjson" | grep -cv '^f*$')" 0 "$name: no address in either"
	# Flushes of secretmem are on the track of their VM, too.
	is "$(grep -c 'categories: "flush"' "$test_work/trace" | awk -v all="$(jq .flushes "$out/run.json")" '{ print ($1 >= all) }')" 1 \
		"$name: and every flush is in it"
	file_like "$out/run.folded" '^[^; ]+-[0-9]+;([^; ]+;)+flush_[a-z]+ [0-9]+$' "$name: folded"
}

# last_by_trace TRACE: of each flush of gmem-load, by ftrace's own events, when its first CPU was asked (ns), which answered
# last, and by how much (ns) that was later than the one before it, 0 where there was none.
last_by_trace() {
	awk '
		# TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS
		{
			cpu = $2; gsub(/[^0-9]/, "", cpu); cpu += 0; csd = $0; sub(/.*csd=/, "", csd)
			time = $0; sub(/: csd_.*/, "", time); sub(/.* /, "", time); split(time, t, ".")
		}
		/csd_queue_cpu:/ && /gmem-load/ && /func=do_(flush_tlb_all|kernel_range_flush)/ {
			if (!(cpu in open) || !open[cpu]) { asked[cpu] = t[1] t[2] "000"; open[cpu] = 0; before[cpu] = 0 }
			open[cpu]++; from[csd] = cpu; next
		}
		/csd_function_exit:/ && (csd in from) {
			at = t[2] + t[1] % 1000 * 1000000; by = from[csd]
			if (--open[by] == 0) print asked[by], cpu, before[by] ? (at - before[by]) * 1000 : 0
			before[by] = at; delete from[csd]
		}' "$1" | sort -n
}

# late_named CPU: how many times somebody waited when CPU 2 let go, and how many of these were told that it was CPU.
late_named() {
	local begin end named=0 met=0
	while read -r begin end; do
		jq -e --argjson b "$begin" --argjson e "$end" '[.slowest[] | select(.begin < $e and .end >= $e and .end - .begin > ($e - $b) / 2)] | length > 0' \
			"$out/held.json" >/dev/null || continue
		met=$((met + 1))
		jq -e --argjson b "$begin" --argjson e "$end" '[.slowest[] | select(.begin < $e and .end >= $e and .end - .begin > ($e - $b) / 2)] | all(.late_cpu == $cpu)' \
			--argjson cpu "$1" "$out/held.json" >/dev/null && named=$((named + 1))
	done < <(sed -n 's/^late: //p' "$out/held.stderr")
	echo "$met $named"
}

late_is_named() {
	local met named
	read -r met named < <(late_named 2)
	is "$((met > 0)) $((met - named))" '1 0' "$1: a CPU that is late for 200 ms is named each time"
	read -r met named < <(late_named 1)
	is "$named" 0 "$1: and no other"
}

# stamps_of LABEL: begin and end of each flush as that witness saw it, oldest first.
stamps_of() {
	sed -n "s/^$1: //p" "$out/witness.stderr" | sort -n
}

# sums_of FACTOR: whether FACTOR times our time agrees with theirs, less what programs take of it.
sums_of() {
	awk '{ print $1 - $3 + $4 - $6, $4 - $3, $6 - $1 }' "$test_work/stamps" | sort -n | awk -v factor="$1" '
		{ programs[NR] = $1; ours[NR] = $2; theirs[NR] = $3 }
		END {
			usual = programs[int((NR + 1) / 2)]
			for (i = 1; i <= NR && programs[i] <= 3 * usual; i++) { a += ours[i] - usual; b += theirs[i] }
			a *= factor
			print (i > NR / 2), (a <= b * 1.01 && a >= b * 0.99 ? "agrees" : "ours " a " theirs " b " of " i)
		}'
}

# sums_agree NAME: one witness was attached before our programs and one after them. What runs last begins last and ends
# last: each of our flushes begins and ends between the two. All that is between is programs, ours and theirs; what that
# takes of most flushes is taken out, and the rest is what was left between one's begin and the other's end.
sums_agree() {
	jq -r 'select(.type == "flush" and .comm == "gmem-load") | "\(.begin) \(.end)"' "$out/sum.ndjson" | sort -n >"$test_work/ours"
	paste -d ' ' <(stamps_of outer) "$test_work/ours" <(stamps_of inner) >"$test_work/stamps"
	is "$(awk '{ bad += NF != 6 || $5 > $3 || $3 > $1 || $6 > $4 || $4 > $2 } END { print (NR > 300), bad + 0 }' "$test_work/stamps")" '1 0' \
		"$1: each flush begins and ends when two other programs say so"
	is "$(sums_of 1)" '1 agrees' "$1: and the time in them is within 1 % of what those have"
	is "$(sums_of 1.03 | cut -d ' ' -f 1-2)" '1 ours' "$1: which a time 3 % longer is not"
	json_ok "$out/sum.json" '([.causes[].ns] | add) == .ns and ([.kinds[]] | add) == .flushes + .ours' "$1: no time is in no class or in two"
}

# disturbed NAME: CPUs went offline and online meanwhile, and function_graph stood at the same functions.
disturbed() {
	is "$(jq -s --argjson graph "$(grep -c 'gmem-lo.*flush_tlb_kernel_range' "$out/graph")" \
		'[.[] | select(.type == "flush" and .comm == "gmem-load" and .kind == "ranged" and .pages == 1)] | length |
			[. >= 2000, . <= $graph and $graph - . <= 20]' "$out/off.ndjson" | tr -d ' \n')" '[true,true]' \
		"$1: beside function_graph each flush is seen once, while CPUs come and go"
	json_ok "$out/off.json" '.every_flush and .flushes >= 2000 and .asked >= .answered and .asked - .answered <= .flushes / 100' \
		"$1: and CPUs that are there answer"
	json_ok "$out/off.json" '(.rows | map({ (.key): .count }) | add) as $n | ($n["asked.1"] // 0) + $n["asked.2"] > 100 and $n["asked.2"] <= .flushes' \
		"$1: asked are those that are online"
}

# last_of MORE: whether the CPU that we name, and MORE, is that of the trace.
last_of() {
	awk -v more="$1" '
		NR == FNR { begin[NR] = $1; end[NR] = $2; cpu[NR] = $3 + more; nr = NR; i = 1; next }
		{
			while (i <= nr && end[i] < $1) i++
			if (i > nr || begin[i] > $1 || ($3 && $3 < 10000)) next
			met++; off += cpu[i] != $2
		}
		END { print (met > 100 ? "met" : met), (off <= met * 0.03 ? "agrees" : off " of " met) }' "$test_work/ours" "$test_work/trace"
}

# The last CPU, as two say it who do not know of each other: the same in 99 % of the flushes and more where
# the host is quiet, and in 97 % where it takes a CPU away between their two stamps.
late_agrees() {
	local name=$1
	shift
	guest --smp 4 --add "$top/build/tests/vm/late" --add "$top/build/tests/vm/witness" "$@" -- sh -c 'cd /sys/kernel/tracing && echo mono >trace_clock && echo 16384 >buffer_size_kb &&
		echo 1 >events/csd/enable && echo 0 >tracing_on && echo >trace
		gmemtrace record --flushes --stacks 0 -o /tmp/run.cap -- sh -c "echo 1 >/sys/kernel/tracing/tracing_on
			gmem-load secretmem --pages 500 --rounds 2 >/dev/null; echo 0 >/sys/kernel/tracing/tracing_on" 2>/dev/null
		gmemtrace latency --json /tmp/run.cap >/out/late.json; gmemtrace export --format ndjson /tmp/run.cap >/out/late.ndjson
		cp trace /out/trace; echo 0 >events/csd/enable
		witness outer gmem-load gmemtrace record --flushes --stacks 0 -o /tmp/sum.cap -- \
			witness inner gmem-load gmem-load secretmem --pages 300 --rounds 1 >/dev/null 2>/out/witness.stderr
		gmemtrace export --format ndjson /tmp/sum.cap >/out/sum.ndjson; gmemtrace latency --json /tmp/sum.cap >/out/sum.json
		gmemtrace record --flushes -o /tmp/held.cap -- late 2 200 \
			timeout 6 taskset 1 gmem-load secretmem --pages 500 --rounds 10000 >/dev/null 2>/out/held.stderr
		gmemtrace latency --json /tmp/held.cap >/out/held.json
		cat per_cpu/*/stats | grep -c "overrun: [1-9]"
		echo >trace; echo set_direct_map_invalid_noflush flush_tlb_kernel_range >set_ftrace_filter; echo 1 >options/funcgraph-proc
		echo function_graph >current_tracer
		gmemtrace record --flushes -o /tmp/off.cap -- sh -c "echo 1 >/sys/kernel/tracing/tracing_on
			(until [ -e /tmp/over ]; do for cpu in 3 1; do
				echo 0 >/sys/devices/system/cpu/cpu\$cpu/online; echo 1 >/sys/devices/system/cpu/cpu\$cpu/online
			done; done; echo >/tmp/gone) &
			gmem-load secretmem --pages 500 --rounds 4 >/dev/null; touch /tmp/over
			until [ -e /tmp/gone ]; do sleep 0.1; done; echo 0 >/sys/kernel/tracing/tracing_on" >/dev/null 2>/out/off.stderr
		cp trace /out/graph; echo nop >current_tracer; gmemtrace latency --json /tmp/off.cap >/out/off.json
		gmemtrace export --format ndjson /tmp/off.cap >/out/off.ndjson; gmemtrace flame -o /out/off.folded /tmp/off.cap; echo $?
		gmemtrace export --format perfetto -o /out/off.trace /tmp/off.cap; echo $?'
	stdout_is '0
0
0' "$name: the other tracer has lost nothing, and reports are made"
	last_by_trace "$out/trace" >"$test_work/trace"
	jq -r 'select(.type == "flush" and .comm == "gmem-load" and .last) | "\(.begin) \(.end) \(.last.cpu)"' "$out/late.ndjson" |
		sort -n >"$test_work/ours"
	json_ok "$out/late.json" '.flushes > 900' "$name: flushes on four CPUs"
	# Two that answer within 10 us are told apart by neither: a CPU may be off its host between the two stamps.
	is "$(last_of 0)" 'met agrees' "$name: the CPU named as last is the last by other timestamps"
	is "$(last_of 1 | sed 's/[0-9].*/off/')" 'met off' "$name: and its neighbour is not"
}

if stock_there stock-6.12; then
	observed stock-6.12 --kernel stock-6.12
	json_ok "$out/run.json" '.asked > 400 and .answered == .asked' 'stock-6.12: every CPU asked was seen to answer'
	json_ok "$out/run.json" '([.late[].count] | add) == ([.rows[] | select(.key == "phase.return")][0].count)' \
		'stock-6.12: and one was the last of each'
	json_ok "$out/run.json" '[.interrupters[] | select(.task == "gmem-load")] | (map(.count) | add) >= 400' \
		'stock-6.12: who interrupted these CPUs'
	late_agrees stock-6.12 --kernel stock-6.12
	sums_agree stock-6.12
	late_is_named stock-6.12
	disturbed stock-6.12
fi
if stock_there stock-6.1; then
	observed stock-6.1 --kernel stock-6.1
	json_ok "$out/run.json" '.asked > 400 and .answered == .asked' 'stock-6.1: the handlers of ranged flushes tell who answers'
	json_ok "$out/run.json" '(.missing | join(" ") | test("from their flush.s begin.*everything was not judged.*6.5")) and
		([.rows[] | select(.key == "phase.prepare")] == []) and
		([.late[].count] | add) == ([.rows[] | select(.key == "phase.return")][0].count)' \
		'stock-6.1: not when they were asked, and not of flushes of everything, which is said'
fi
end_tests print-plan

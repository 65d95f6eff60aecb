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
	json_ok "$out/run.json" '.every_flush and .flushes > 200 and .lost == 0' "$name: every flush"
	json_ok "$out/run.json" '.kinds.elsewhere > 0' "$name: flushes of vmalloc among them"
	json_ok "$out/run.json" '[.callers[].stack | select(test("^[^;]+;.*(vfree|vunmap|purge_vmap|vmalloc|execmem|module).*;flush_tlb_kernel_range$"))] | length > 0' \
		"$name: with the stack of who asked"
	json_ok "$out/run.json" '[.callers[] | select(.stack | test("secretmem_fault.*flush_tlb_kernel_range$"))] | (map(.count) | add) >= 200' \
		"$name: those of memfd_secret, each"
	json_ok "$out/run.json" '[.rows[] | select(.key == "zap")][0].count >= 200' "$name: changes are timed"
	json_ok "$out/run.json" '[.rows[] | select(.key == "exposure")][0] | .count >= 200 and .never == 0' "$name: exposures"
	if grep -qE 'ffff[89a-f][0-9a-f]{11}' "$out"/run.*; then
		fail "$name: no address is stored or printed"
	else
		pass "$name: no address is stored or printed"
	fi
	file_like "$out/run.folded" '^[^; ]+-[0-9]+;([^; ]+;)+flush_[a-z]+ [0-9]+$' "$name: folded"
}

observed stock-6.12 --kernel stock-6.12
json_ok "$out/run.json" '.asked > 400 and .answered == .asked' 'stock-6.12: every CPU asked was seen to answer'
json_ok "$out/run.json" '([.late[].count] | add) == ([.rows[] | select(.key == "phase.return")][0].count)' \
	'stock-6.12: and one was the last of each'
json_ok "$out/run.json" '[.interrupters[] | select(.task == "gmem-load")] | (map(.count) | add) >= 400' \
	'stock-6.12: who interrupted these CPUs'
observed stock-6.1 --kernel stock-6.1
json_ok "$out/run.json" '.asked == null and (.missing | join(" ") | test("not judged.*6.5"))' \
	'stock-6.1: which CPU answers is not judged, and that is said'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hooks that do not fire are found out: before CMD, while it runs, and where kvm came too late for them.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

flip='echo 0 >/proc/sys/kernel/ftrace_enabled; gmem-load secretmem --pages 64 >/dev/null
	echo 1 >/proc/sys/kernel/ftrace_enabled'

# off_is_told NAME GUEST-OPTION...
off_is_told() {
	local name=$1
	shift
	guest --one-thread "$@" -- sh -c '
		echo 0 >/proc/sys/kernel/ftrace_enabled
		gmemtrace check -- gmem-load secretmem >/dev/null; echo $?
		gmemtrace record -d 1 -o /tmp/none.cap; echo $?
		gmemtraced; echo $?
		echo 1 >/proc/sys/kernel/ftrace_enabled
		gmemtrace check -- gmem-load secretmem >/dev/null; echo $?
		gmemtrace check --json -- sh -c "sleep 1; '"$flip"'; sleep 1" >/out/flip.json; echo $?
		(ulimit -l 0; gmemtrace check --json --allow-empty -- true >/out/memlock.json; echo $?)'
	stdout_is '4
4
4
0
5
0' "$name: hooks that do not fire are no verdict: before, and while CMD runs"
	stderr_like 'kernel.ftrace_enabled is 0' "$name: and it is said what to do"
	json_ok "$out/flip.json" '.lost_by_cause.blind > 0' "$name: the interval is a doubt"
	json_ok "$out/memlock.json" '.facts["sensor.sight.0"] == "proved" and .facts["sensor.sight.4"] == "proved"' \
		"$name: the hooks are proved, without a user's locked memory"
	json_is "$out/memlock.json" '"\(.inodes) inodes, \(.transitions) transitions"' '0 inodes, 0 transitions' \
		"$name: the touch shows nowhere"
}

off_is_told gmem
guest -- sh -c 'gmemtrace check --json --allow-empty -- true >/out/empty.json; gmemtrace features'
stdout_like 'in the kernel.s text, as those that have fired; no touch reaches it' 'features lists what no touch reaches'
json_is "$out/empty.json" '[.facts | to_entries[] | select(.key | startswith("sensor.sight.")) | .value] | unique | join("; ")' \
	'in the kernel'"'"'s text, as those that have fired; no touch reaches it; proved; unproven: no touch of the tool'"'"'s own reaches module_load; unproven: no touch of the tool'"'"'s own reaches witness_asked; unproven: no touch of the tool'"'"'s own reaches witness_step' \
	'and so do the facts'
json_ok "$out/empty.json" '.facts as $facts | [$facts | to_entries[] | select(.value | startswith("guest_")) |
	$facts["sensor.sight." + (.key | ltrimstr("sensor.program."))]] == ["proved", "proved"]' \
	'a page of the tool'"'"'s own goes through a guest'"'"'s page table, and is seen there'
stock_there stock-6.12 && off_is_told stock-6.12 --kernel stock-6.12

# What kvm did before it was hooked is a doubt from the moment that it was loaded.
guest --no-kvm -- sh -c 'gmemtrace check --json -- sh -c "load-modules kvm; gmem-load fault --pages 64" \
	>/out/late.json 2>/dev/null; echo $?'
stdout_is 5 'kvm loaded inside CMD and used at once: no verdict'
json_ok "$out/late.json" '.lost_by_cause.unhooked > 0 and .facts["sensor.sight.19"] == "proved" and (.violations | length) == 0' 'for that reason'
end_tests print-plan

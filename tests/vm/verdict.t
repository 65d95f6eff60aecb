#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The whole path: real guests on correct kernels are judged consistent, live and
# in replay, by a tracer that was there first, came late, or came before KVM.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

tracer=$top/build/bin/gmemtrace

# consistent FILE DESCRIPTION: a whole verdict, nothing lost, no page left out.
# With may_miss=1 a call that was missed may make it inconclusive, never violated.
may_miss=0
consistent() {
	local expected='consistent lost=0 missed=0 violations=0 because '
	if [ $may_miss = 1 ] && jq -e '.missed > 0' "$1" >/dev/null 2>&1; then
		expected="inconclusive lost=0 missed=$(jq .missed "$1") violations=0 because $(jq -r '.reasons | join("; ")' "$1")"
	fi
	json_is "$1" '"\(.verdict) lost=\(.lost) missed=\(.missed) violations=\(.violations | length) because \(.reasons | join("; "))"' \
		"$expected" "$2"
	json_ok "$1" '.pages > 0 and .pages == .pages_total' "$2: every page of every inode is compared"
}

# scenarios_are_consistent NAME GUEST-OPTION...
scenarios_are_consistent() {
	local name=$1 scenario
	shift
	guest "$@" -- sh -c '
		for s in fault convert convert-unfaulted folio punch secretmem; do
			gmemtrace check --json -o /out/$s.cap -- gmem-load $s --pages 64 >/out/$s.json
			case $? in 0 | 5) ;; *) echo $s failed ;; esac
		done
		gmemtrace check --json -o /out/churn.cap -- gmem-load churn --rounds 6 --vms 2 --threads 3 >/out/churn.json
		case $? in 0 | 5) ;; *) echo churn failed ;; esac'
	stdout_is '' "$name: every check comes to a verdict"
	no_splat "$name: the kernel has nothing to say"
	for scenario in fault convert convert-unfaulted folio punch secretmem churn; do
		consistent "$out/$scenario.json" "$name: $scenario"
	done
}

# The same verdict from the capture, without privileges, on a machine whose kernel is another.
test_replay() {
	local scenario live replayed
	for scenario in convert churn; do
		live=$(jq -c '[.verdict, .transitions, .pages, .lost]' "$out/$scenario.json")
		replayed=$(setpriv --reuid 65534 --clear-groups "$tracer" check --json /dev/stdin \
			<"$out/$scenario.cap" 2>"$stderr" | jq -c '[.verdict, .transitions, .pages, .lost]')
		is "$replayed" "$live" "$scenario: replayed without root, the verdict is the same"
	done
}

test_gmem() {
	scenarios_are_consistent 'gmem, five levels' --cpu max
	test_replay
	json_is "$out/convert.json" '.facts["kernel.page_table_levels"]' 5 'the guest has five levels'
	scenarios_are_consistent 'gmem, four levels' --cpu max,-la57
	json_is "$out/convert.json" '.facts["kernel.page_table_levels"]' 4 'the guest has four levels'
}

# Folios of more than one page: joins, zaps and frees of runs, owners that tail pages do not show.
test_large_folios() {
	guest --append kvm.gmem_order=6 -- sh -c '
		gmemtrace check --json -- gmem-load punch --pages 256 >/out/punch.json || echo punch failed
		gmemtrace check --json -- gmem-load churn --rounds 4 --vms 2 --threads 3 >/out/churn.json || echo churn failed'
	stdout_is '' 'gmem_order=6: every check ends with 0'
	consistent "$out/punch.json" 'gmem_order=6: punch'
	consistent "$out/churn.json" 'gmem_order=6: churn'
	# A folio of 512 pages is one free, of which a record has 64.
	guest --kernel gmem-debug --fault free-absent --append 'debug_pagealloc=on kvm.gmem_order=9' -- \
		sh -c 'gmemtrace check --json -- gmem-load fault --pages 1024 --rounds 1 >/out/freed.json'
	json_is "$out/freed.json" '[.violations[] | select(.rule == "freed-absent" and .inode == "g1").count] | add' 1040 \
		'gmem_order=9: freed absent is each of its pages'
}

test_debug() {
	# Its interrupts are long, and one that hits a program makes the next call a miss.
	may_miss=1
	scenarios_are_consistent 'gmem-debug' --kernel gmem-debug --timeout 600
	may_miss=0
	# There a program that is preempted makes its next call on that CPU a miss: counted, never a violation.
	guest --kernel gmem-debug --append preempt=full --timeout 600 -- sh -c '
		gmemtrace check --json -- gmem-load churn --rounds 6 --vms 2 --threads 3 >/out/churn.json; true'
	no_splat 'gmem-debug, preempt=full: the kernel has nothing to say'
	json_ok "$out/churn.json" '(.violations | length) == 0 and
		(.verdict == "consistent" or (.verdict == "inconclusive" and .missed > 0))' \
		'gmem-debug, preempt=full: consistent, or inconclusive for calls that were missed'
}

test_stock() {
	local kernel
	for kernel in stock-6.1 stock-6.12; do
		stock_there $kernel || continue
		guest --kernel "$kernel" -- sh -c 'gmemtrace check --json -- gmem-load secretmem >/out/verdict.json'
		status_is 0 "$kernel: memfd_secret is judged"
		consistent "$out/verdict.json" "$kernel"
		json_ok "$out/verdict.json" '.transitions >= 1000' "$kernel: its transitions are seen"
	done
}

# The walker's control: with a level too few it must be found out, not believed.
test_walker() {
	guest -- sh -c 'GMEMTRACE_WALK_LEVELS=4 gmemtrace check -- true; echo $?
		GMEMTRACE_WALK_LEVELS=5 gmemtrace check --allow-empty -- true >/dev/null; echo $?'
	stdout_is '4
0' 'a walker of four levels is refused where the CPU walks five'
	stderr_like 'calls an ordinary page absent' 'and it says why'
	guest --cpu max,-la57 -- sh -c 'GMEMTRACE_WALK_LEVELS=5 gmemtrace check -- true; echo $?
		GMEMTRACE_WALK_LEVELS=4 gmemtrace check --allow-empty -- true >/dev/null; echo $?'
	stdout_is '4
0' 'and the other way round'
}

# Slots that go and come while others convert, VMs that die with requests open, slots as large as they get: reads meet
# all of that half done, and nobody is accused.
test_attacked() {
	local attack program
	for program in attack costs; do
		[ -x "$top/build/tests/vm/$program" ] || { skip 5 "build/tests/vm/$program is not built, run make check-vm"; return; }
	done
	guest --timeout 420 --add "$top/build/tests/vm/attack" --add "$top/build/tests/vm/costs" -- sh -c 'gmemtrace features
		for attack in "attack slots" "attack kill" "costs wide"; do
			name=${attack#* }
			gmemtrace check --json -o /tmp/cap -- $attack 2 >/out/$name.json || cp /tmp/cap /out/$name.cap
		done'
	stdout_like 'page-table walker +yes +proved: .*present, .*absent' 'features shows the proof'
	no_splat 'attacked: the kernel has nothing to say'
	for attack in slots kill wide; do
		json_ok "$out/$attack.json" '.violations == [] and .command_status == 0 and .requests > 0' \
			"attacked by $attack: nobody is accused"
	done
}

test_late() {
	# Hooks come and go under full load here, and a CPU that misses one would look like a missing flush.
	guest --one-thread -- sh -c '
		gmem-load convert --pages 256 --hold-seconds 20 >/dev/null &
		gmem-load secretmem --pages 64 --hold-seconds 20 >/dev/null & sleep 4
		gmemtrace check --json -d 3 >/out/idle.json || echo idle failed
		gmem-load churn --seconds 30 --vms 2 --threads 3 >/dev/null & sleep 2
		for i in 1 2 3; do
			gmemtrace check --json -d 2 >/out/busy$i.json; [ $? = 1 ] && echo busy $i violated
		done; true'
	stdout_is '' 'a tracer that comes late to idle and busy VMs finds nothing wrong'
	consistent "$out/idle.json" 'inodes that were there before'
	json_ok "$out/idle.json" '[.per_inode[] | select(.before_attach)] | length >= 4' 'all of them are found'
}

test_kvm_late() {
	guest --no-kvm -- sh -c 'gmemtrace check --json -- sh -c "
			load-modules kvm
			until grep -q kvm_gmem_release /sys/kernel/tracing/enabled_functions; do sleep 1; done
			sleep 1; gmem-load convert --pages 64" >/out/verdict.json'
	status_is 5 'KVM loaded while tracing: what it did before it was hooked is not known'
	json_ok "$out/verdict.json" '.lost_by_cause.unhooked > 0 and .violations == []' 'and that is the reason'
	json_ok "$out/verdict.json" '[.per_inode[] | select(.provider == "rfc3")] | length >= 2' \
		'its inodes are judged by all rules'
}

# A ring too small: records are lost, and the verdict says so instead of hiding it.
test_loss() {
	# Who would read it stands still: on a fast machine nothing is lost otherwise. Not for ten seconds, or it is given up.
	guest -- sh -c 'gmemtrace check --json --ring 64kb -- sh -c "
		killall -STOP gmemtrace; gmem-load churn --seconds 3 --vms 2 --threads 3; killall -CONT gmemtrace" >/out/verdict.json'
	status_is 5 'a ring that is too small: inconclusive'
	json_ok "$out/verdict.json" '.lost > 0 and (.violations | length) == 0 and (.reasons | length) > 0' \
		'losses are counted, none becomes a violation'
}

# Names of tests as arguments: those alone.
if [ $# -gt 0 ]; then
	for name in "$@"; do "test_$name"; done
	end_tests print-plan
fi
test_gmem
test_large_folios
test_debug
test_stock
test_walker
test_attacked
test_late
test_kvm_late
test_loss
end_tests print-plan

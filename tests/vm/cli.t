#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Bad input, missing privileges and bad ends: one clear line, the right exit status, nothing lost
# that was recorded. GMEMTRACE_LAB_KERNEL: another kernel than gmem.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

here=$(cd -- "$(dirname -- "$0")" && pwd)
kernel=${GMEMTRACE_LAB_KERNEL:-gmem}

boot() {
	guest --kernel "$kernel" --timeout 400 --add "$with_less" --add "$here/cli.guest" "$@"
}

# verdict_is NAME VERDICT COMMAND_STATUS DESCRIPTION: of the JSON that the case printed, which may
# stand behind what CMD printed.
verdict_is() {
	local got
	got=$(sed -n '/^{/,$p' "$out/$1.stdout" | jq -r '"\(.verdict) \(.command_status)"' 2>&1)
	is "$got" "$2 $3" "$1: $4"
}

test_usage() {
	case_is no-subcommand 64 '^gmemtrace: no subcommand; see gmemtrace --help$' 'usage error'
	case_is unknown-subcommand 64 '^gmemtrace: explode: no such subcommand; see' 'usage error'
	case_is unknown-option 64 '^gmemtrace check: --explode: unknown option.* see gmemtrace check --help$' 'usage error'
	case_is missing-value 64 '^gmemtrace record: --ring: .*value is missing' 'usage error'
	case_is bad-time 64 'soon: give a time such as 10s' 'usage error'
	case_is bad-size 64 '16parsecs: give a size such as' 'usage error'
	case_is file-and-command 64 'a capture \(a.cap\) and a command \(true\): give one of them' 'usage error'
	case_is empty-command 64 'no command behind --' 'usage error'
	case_is stray-word 64 'true: a command goes behind --' 'usage error'
	case_is export-no-format 64 'give --format perfetto, --format ndjson or --format capture' 'usage error'
	case_is two-formats 64 'json and --tap: give one' 'usage error'
	case_is daemon-option 64 '^gmemtraced: --explode: unknown option' 'usage error'
	case_is control-characters 2 '^gmemtrace: a\\x1b\[31m\\x0ab.cap: cannot' 'are not printed raw'
	case_is file-settle 64 'settle has no meaning for a capture \(a.cap\)' 'is not dropped'
	case_is file-no-daemon 64 'no-daemon has no meaning for a capture' 'is not dropped'
	case_is socket-no-daemon 64 'socket and --no-daemon: give one of them' 'usage error'
	case_is timeout-alone 64 'timeout is for a command' 'is not dropped'
	case_is socket-unserved 4 '/tmp/nobody: no gmemtraced serves it' 'another is not taken instead'
}

test_captures() {
	case_is missing-file 2 'none.cap: .*No such file' 'error'
	case_is empty-file 2 'empty.cap: the file is empty' 'error'
	case_is cut-header 2 'header.cap: the capture is cut within its header' 'error'
	case_is foreign-file 2 'foreign.cap: not a gmemtrace capture' 'error'
	case_is directory 2 '/tmp: .*directory' 'error'
	case_is live-empty 2 'the file is empty' 'error'
	is "$(cat "$out/live-empty.stdout")" '' 'live-empty: prints nothing'
	case_is flame-foreign 2 'not a gmemtrace capture' 'error'
	case_is cut-file 5 'cut.cap: the capture is cut.* judged up to its last whole block' 'inconclusive'
	verdict_is cut-file inconclusive -1 'says so'
	case_is whole-file 0 '' 'needs no privilege'
	verdict_is whole-file consistent 0 'is judged without privilege'
}

test_privileges() {
	local capability
	case_is no-root 4 'CAP_BPF is missing.*run as root' 'cannot run here'
	for capability in bpf perfmon sys_admin syslog; do
		case_is "no-$capability" 4 "CAP_${capability^^} is missing" 'names the capability'
	done
	case_is features-no-root 4 'cannot trace here' 'cannot trace'
	case_is keeps-older 4 'CAP_BPF is missing' 'cannot run here'
	is "$(cat "$out/kept.cap" 2>&1)" keep 'an older capture is not touched where nothing is recorded'
	is "$(cat "$out/kptr-hidden.stdout")" 0 'kptr_restrict=2 hides every address'
	case_is kptr-restrict 0 '^secretmem: ok' 'and does not keep anybody from tracing who may'
	file_like "$out/kptr-restrict.stdout" ';do_user_addr_fault;' 'nor routines from having names'
	case_is no-btf 4 'no BTF' 'names what is missing'
}

test_commands() {
	case_is nothing-judged 5 '' 'nothing was judged: inconclusive'
	succeeds 'and it says so' jq -e '.reasons[] | select(startswith("nothing was judged"))' "$out/nothing-judged.stdout"
	case_is nothing-required 5 'secretmem: ok' 'less than asked for: inconclusive'
	case_is something-required 0 'secretmem: ok' 'as much as asked for: consistent'
	case_is all-moves 0 'secretmem: ok' 'neither the clock nor a CPU that comes and goes is in the way'
	case_is command-missing 2 'no-such-command: no such command' 'error'
	verdict_is command-missing consistent 127 'CMD is not found, as a shell says it'
	is "$(cat "$out/command-fails.status")" 2 'consistent, but CMD failed: 2'
	is "$(head -n 1 "$out/command-text.stdout")/$(stderr_of command-text)" out/err \
		"CMD's output is not touched"
	is "$(head -c 1 "$out/command-fails.stdout")/$(stderr_of command-fails | paste -sd ' ')" '{/out err' \
		'beside a report for machines it goes to standard error'
	verdict_is command-fails consistent 7 "CMD's status"
	case_is command-killed 2 '' 'a killed CMD has failed'
	verdict_is command-killed consistent 137 '128 and the signal'
	is "$(cat "$out/record-fails.status")" 2 'record: CMD failed: 2'
	verdict_is record-fails-check consistent 1 "CMD's status is in the capture"
	is "$(cat "$out/duration.status")" 0 'duration: done when the time is over'
	case_is bad-path 2 '/no/such/place.cap: cannot write' 'error'
	case_is full-stdout 2 'standard output: cannot write all of it: No space left on device' 'error'
	is "$(cat "$out/head.verdict")/$(stderr_of head)" 0/ '| head is no error'
	is "$(cat "$out/features-head.verdict")/$(stderr_of features-head)" 0/ 'nor for features'
	is "$(jq -r .command_status "$out/broken-pipe.stdout")" 141 'SIGPIPE ends CMD as it would'
	is "$(cat "$out/closed-streams.status")" 2 'all streams closed: the verdict cannot be written'
	is "$(jq -r .verdict "$out/closed-streams-check.stdout")" consistent 'and what was recorded is whole'
	case_is timeout 5 'CMD had not ended after 500ms \(--timeout\)' 'CMD that takes too long is ended'
	verdict_is timeout inconclusive 143 'and the verdict says so'
}

test_bad_ends() {
	is "$(cat "$out/full-disk.status")" 2 'full disk: error'
	is "$(grep -c 'No space left on device' "$out/full-disk.stderr")" 1 'full disk: said once'
	is "$(cat "$out/full-disk.command")" 0 'full disk: CMD ran to its end'
	succeeds 'full disk: what fits was kept' test "$(cat "$out/full-disk.size")" -gt 60000
	case_is full-disk-check 5 'INCOMPLETE' 'what was kept is judged'
	verdict_is full-disk-check inconclusive -1 'and inconclusive'

	is "$(cat "$out/interrupt.status")" 0 'SIGTERM ends record well'
	case_is interrupted-check 0 '' 'its capture is whole'
	case_is second-tracer 4 'another tracer owns the sensors \(pid [0-9]+\): end it' 'cannot run here'
	case_is killed-check 5 'INCOMPLETE' 'a killed recorder leaves a capture'
	is "$(cat "$out/killed-again.status")" 0 'and no sensors'
	case_is owner-killed 5 'owns the sensors has gone \(it was killed, .*memory' 'an owner that is killed meanwhile: inconclusive'
	if [ -f "$out/memory-max.status" ]; then
		case_is memory-max 4 'no memory for the sensors .*memory.max' 'a limit of memory is named'
	else
		skip 1 "$kernel has no limits of memory"
	fi
}

test_daemon() {
	is "$(cat "$out/daemon.stdout")" \
		"$(grep -E '^gmemtraced: pid [0-9]+ serves /run/gmemtraced.sock$' "$out/daemon.stdout")" \
		'gmemtraced says where it serves'
	is "$(cat "$out/daemon.mode")" 660 'its socket is for owner and group'
	case_is second-daemon 4 'already serves /run/gmemtraced.sock' 'cannot run here'
	case_is daemon-check 0 '' 'check through the daemon'
	verdict_is daemon-check consistent 0 'judged'
	is "$(cat "$out/daemon-record.status")" 0 'record through the daemon'
	verdict_is daemon-replay consistent 0 'replayed'
	case_is daemon-no-daemon 4 'another tracer owns the sensors' 'two owners are refused'
	case_is daemon-ring 64 '^gmemtrace: --ring: the sensors are those of gmemtraced' 'is not dropped'
	case_is daemon-no-page-free 64 '^gmemtrace: --no-page-free: the sensors are' 'is not dropped'
	is "$(cat "$out/daemon-page-free.status")" 0 'what the daemon has may be asked for'
	is "$(cat "$out/daemon.status") $(cat "$out/daemon.gone")" '0 1' 'SIGTERM ends it, its socket goes'
	is "$(cat "$out/after-daemon.status")" 0 'and the sensors are free'
	case_is daemon-goes 5 'the process that owns the sensors has gone' 'a run whose daemon ends is inconclusive'
	verdict_is daemon-goes inconclusive 0 'CMD ran to its end'
	case_is daemon-goes-check 5 'INCOMPLETE' 'and so is its capture'
	case_is stale-check 0 '' 'a stale socket is replaced'
	is "$(cat "$out/stale.status")" 0 'and that daemon ends well'
}

# inodes_of NAME: the processes that the case's inodes belong to.
inodes_of() {
	jq -r '[.per_inode[].vm.pid] | unique | map(tostring) | join(" ")' "$out/$1.stdout" 2>&1
}

test_vm() {
	local pid
	pid=$(cat "$out/vm.pid")
	verdict_is vm-one consistent 0 'one VM of a capture is judged'
	is "$(inodes_of vm-one)" "$pid" 'and nobody else'
	verdict_is vm-live consistent -1 'one VM is judged live'
	is "$(inodes_of vm-live)" "$pid" 'with inodes older than the sensors'
	succeeds 'whose pages were compared' jq -e '.pages > 0' "$out/vm-live.stdout"
	is "$(inodes_of vm-both | wc -w)" 2 'without --vm both are there'
	case_is vm-other 5 'no inode of VM 1 was seen' 'live: of a process that has none, nothing was judged'
	case_is vm-gone 2 '--vm 999999: no such process' 'live: error'
	case_is vm-none 5 'no inode of VM 999999' 'in a capture: said, and nothing was judged'
}

test_oops() {
	is "$(cat "$out/oops.status")" 5 'a kernel that oopses meanwhile: inconclusive'
	succeeds 'and it says so' jq -es 'length == 1 and (.[0].reasons | any(contains("has oopsed")))' <(sed -n '/^{/,$p' "$out/oops.stdout")
	is "$(cat "$out/oopsed-before.status")" 0 'one that had before is judged'
}

test_lockdown() {
	if [ -f "$out/lockdown.status" ]; then
		case_is lockdown 4 'lockdown is in confidentiality mode' 'cannot run here'
	else
		skip 1 "$kernel has no lockdown"
	fi
}

test_no_tracefs() {
	is "$(cat "$out/no-tracefs.mounts")" 0 'neither tracefs nor debugfs is mounted'
	is "$(cat "$out/no-tracefs.status")" 0 'nor is needed'
	verdict_is no-tracefs consistent 0 'what is traced without them is judged'
	succeeds 'and was seen' \
		jq -es 'length == 1 and .[0].transitions >= 64' <(sed -n '/^{/,$p' "$out/no-tracefs.stdout")
}

test_kvm() {
	boot --no-kvm -- sh /bin/cli.guest kvm
	is "$(cat "$out/kvm-absent.status")" 2 'without KVM the sensors work and CMD fails'
	verdict_is kvm-absent consistent 4 'CMD says that it cannot run here'
	if [[ $kernel == stock-* ]]; then
		skip 11 "$kernel's KVM has no private memory"
		return
	fi
	is "$(cat "$out/modprobe.status")" 0 '--modprobe loads kvm before the sensors'
	succeeds 'and what CMD does then is seen' \
		jq -es 'length == 1 and .[0].transitions > 0 and .[0].verdict == "consistent"' <(sed -n '/^{/,$p' "$out/modprobe.stdout")
	is "$(cat "$out/detached.status")" 0 'behind --wait-detach kvm can be unloaded at once'
	case_is daemon-modprobe 4 'gmemtraced was there before kvm' 'a daemon hooks it later: nothing is traced'
	# What happened between its load and the hooks is not known, and said.
	is "$(cat "$out/kvm-late.status")" 5 'kvm loaded while tracing: inconclusive'
	verdict_is kvm-late inconclusive 0 'and it says so'
	succeeds 'as what was not hooked yet may have been missed' grep -q unhooked "$out/kvm-late.stderr"
	succeeds 'its transitions are seen' \
		jq -es 'length == 1 and .[0].transitions > 0' <(sed -n '/^{/,$p' "$out/kvm-late.stdout")
	is "$(cat "$out/hangs.status")" 1 'a command that hangs does not hold the verdict up'
	verdict_is hangs violated 137 'it is ended by force'
	is "$(sed -n '/^{/,$p' "$out/hangs.stdout" | jq -r '[.violations[].rule] | unique | join(" ")')" stuck \
		'the stuck requests are named'
}

require_build build/bin/gmemtrace all
build_with_less
stock_there "$kernel" || end_tests print-plan
# That case alone.
if [ "${1-}" = no-tracefs ]; then
	boot -- sh /bin/cli.guest no-tracefs
	test_no_tracefs
	end_tests print-plan
fi
boot -- sh /bin/cli.guest all
status_is 0 'the guest ran all cases'
test_usage
test_captures
test_privileges
test_commands
test_bad_ends
test_daemon
test_vm
test_no_tracefs
test_oops
test_lockdown
no_splat 'no splat in all of that'
test_kvm
end_tests print-plan

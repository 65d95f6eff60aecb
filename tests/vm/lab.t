#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The lab itself: what goes into a guest and what comes out of it, also when it does not end well.
# GMEMTRACE_LAB_KERNEL: another kernel than gmem.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

kernel=${GMEMTRACE_LAB_KERNEL:-gmem}

boot() {
	guest --kernel "$kernel" --timeout 120 "$@"
}

test_usage() {
	guest --kernel no-such-kernel -- true
	status_is 64 'an unknown kernel is a usage error'
	stderr_is "lab/run: unknown kernel 'no-such-kernel', see lab/run --list" 'which says so in one line'
	guest --fault no-such-fault -- true
	status_is 64 'an unknown fault is a usage error'
	guest --kernel gmem-folio-builtin --fault folio-and -- true
	stderr_like 'has no module to put a fault or a variant into' 'a fault where KVM is no module is refused, not left out'
	guest --kernel stock-6.12
	status_is 64 'so is a missing command'
	guest --timeout soon -- true
	status_is 64 'and a timeout that is no number'
	succeeds '--list names the stock kernels' \
		bash -c '"$1/lab/run" --list | grep -x "kernel stock-6.1"' - "$top"
}

# First, as a kernel that has to be built or fetched says so on stderr.
test_boot() {
	boot -- true
	status_is 0 "kernel $kernel boots"
}

test_output() {
	boot -- sh -c 'echo to-stdout; echo to-stderr >&2; echo again >/dev/stderr; exit 7'
	status_is 7 "the command's status is the lab's"
	stdout_is to-stdout 'stdout comes through, alone'
	stderr_is $'to-stderr\nagain' 'stderr comes through, alone'
	no_splat 'the console log is there, without a splat'

	boot -- printf '<%s>' 'a b' "it's" '$HOME' '"q"' '' $'two\nlines' '\n' '*' ';'
	stdout_is "<a b><it's><\$HOME><\"q\"><><two
lines><\\n><*><;>" 'every argument arrives as it was given'

	boot -- sh -c 'head -c 3000000 /dev/urandom >/tmp/f; md5sum </tmp/f >/out/sum; cat /tmp/f'
	is "$(md5sum <"$stdout")" "$(cat "$out/sum")" 'megabytes of binary output are unmangled'

	boot -- no-such-command
	status_is 127 'a command that does not exist is 127'
}

test_icount() {
	if [[ $kernel == stock-* ]] || [ ! -x "$top/build/tests/vm/costs" ] ||
		[ ! -x "$top/build/tests/vm/bounds" ]; then
		boot --icount -- nproc
		stdout_is 1 '--icount runs, on one CPU'
		return
	fi
	boot --icount --add "$top/build/tests/vm/costs" --add "$top/build/tests/vm/bounds" -- sh -c 'nproc; costs inodes 60
		bounds parts'
	stdout_is $'1\ninodes: ok 1200\nparts: ok' '--icount runs, on one CPU; twice as many inodes or parts are twice as much'
}

test_guest() {
	boot -- sh -c 'id -u; test -c /dev/kvm && echo kvm; test -d /sys/kernel/tracing/events && echo tracefs
		test -r /sys/kernel/btf/vmlinux && echo btf; mount | grep -c "^bpf "; nproc'
	stdout_is $'0\nkvm\ntracefs\nbtf\n1\n2' 'root, KVM, tracefs, BTF, bpffs and two CPUs are there'
	boot --no-kvm --smp 1 -- sh -c 'nproc; test -c /dev/kvm || echo none; load-modules kvm; test -c /dev/kvm && echo late'
	stdout_is $'1\nnone\nlate' '--no-kvm leaves KVM to be loaded late'
	boot --cpu max,-la57 -- sh -c 'grep -ow -m 1 la57 /proc/cpuinfo; test -c /dev/kvm && echo kvm'
	stdout_is kvm '--cpu max,-la57: four levels, and KVM still works'
	test_icount
}

test_out() {
	boot -- sh -c 'mkdir /out/d; echo in-a-file >/out/d/f; exit 3'
	status_is 3 'files below /out do not change the status'
	is "$(cat "$out/d/f" 2>&1)" in-a-file 'they land in DIR'
	if [[ $kernel == stock-* ]]; then
		skip 1 'without 9p they come only when the command has ended'
	else
		boot --timeout 40 -- sh -c 'echo kept >/out/f; sleep 1000'
		is "$(cat "$out/f" 2>&1)" kept 'they are there when the guest was killed'
	fi
}

test_bad_ends() {
	boot --timeout 40 -- sh -c 'echo begun; sleep 1000'
	status_is 124 'a timeout is 124'
	stdout_is begun 'what was printed before is there'
	stderr_like 'timeout after 40 s: the command had not ended' 'the timeout says what was awaited'
	stderr_like '^  \| ' 'with the last lines of the console'

	boot -- sh -c 'echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 1000'
	status_is 125 'a panic is 125, at once'
	stderr_like 'the guest kernel died: Kernel panic - not syncing: sysrq triggered crash' 'with its reason'

	# Not by guest(), which would try it once more.
	boot_guest --kernel "$kernel" --timeout 120 --append 'reboot=t' -- reboot -f
	status_is 125 'so is a triple fault'
	stderr_like 'the guest kernel died without a word \(triple fault\)' 'which is told from an end of QEMU'

	boot --append 'rdinit=/no-such-init' -- true
	status_is 125 'a guest that does not come up is 125'
}

# A task that nothing on its CPU can displace, as a CPU that spins in the kernel.
test_hung_cpu() {
	local source=$test_work/hang.c
	cat >"$source" <<-'END'
	#define _GNU_SOURCE
	#include <sched.h>
	#include <unistd.h>

	int main(void)
	{
		struct sched_param param = { .sched_priority = 99 };
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(1, &cpus);
		if (sched_setaffinity(0, sizeof(cpus), &cpus) || sched_setscheduler(0, SCHED_FIFO, &param))
			return 1;
		for (;;)
			;
	}
	END
	if ! cc -O1 -static -o "$test_work/hang" "$source" 2>/dev/null; then
		skip 2 'no C compiler with a static libc here'
		return
	fi
	boot --add "$test_work/hang" -- sh -c 'echo -1 >/proc/sys/kernel/sched_rt_runtime_us
		hang & sleep 2; echo still here; exit 9'
	status_is 9 'the status comes from a guest with a hung CPU'
	stdout_is 'still here' 'and its output'
}

test_interrupt() {
	local pid qemu tries=100
	"$top/lab/run" --kernel "$kernel" -- sleep 1000 >"$stdout" 2>"$stderr" &
	pid=$!
	while ! qemu=$(pgrep -P "$pid" qemu) && [ "$((tries--))" -gt 0 ]; do
		sleep 0.2
	done
	sleep 2
	succeeds 'QEMU runs' kill -0 "$qemu"
	kill -TERM "$pid"
	wait "$pid"
	is $? 143 'a signal ends the lab'
	is "$(kill -0 "$qemu" 2>/dev/null && echo runs)" '' 'and QEMU with it'
}

test_usage
stock_there "$kernel" || end_tests print-plan
test_boot
test_output
test_guest
test_out
test_bad_ends
test_hung_cpu
test_interrupt
end_tests print-plan

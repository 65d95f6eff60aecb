#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmem-load: every scenario on a real nested guest, and what it says where it cannot run.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

kernel=${GMEMTRACE_LAB_KERNEL:-gmem}
scenarios='fault convert convert-unfaulted bind folio punch'

# usage_is ARGUMENTS ERROR DESCRIPTION: no kernel is needed for that.
usage_is() {
	local text
	# shellcheck disable=SC2086
	text=$("$top/build/bin/gmem-load" $1 2>&1)
	is "$? $text" "64 $2" "$3"
}

test_usage() {
	usage_is 'nonsense' "gmem-load: unknown scenario 'nonsense'; -l lists them" 'an unknown scenario'
	usage_is 'fault --pages 3' 'gmem-load: --pages 3: give a whole number from 4 to 524288' 'too few pages'
	usage_is 'fault --rounds 2x' 'gmem-load: --rounds 2x: give a whole number from 1 to 1000000000' 'not a number'
	"$top/build/bin/gmem-load" --no-such-option >/dev/null 2>&1
	is $? 64 'an unknown option'
	is "$("$top/build/bin/gmem-load" -l | wc -l)" 10 '-l lists the scenarios'
}

test_scenarios() {
	local scenario
	guest --kernel "$kernel" -- sh -c "for s in $scenarios; do gmem-load \$s >/out/\$s || echo \$s failed; done
		gmem-load churn --rounds 20 >/out/churn || echo churn failed
		gmem-load secretmem >/out/secretmem || echo secretmem failed"
	stdout_is '' 'every scenario ends well'
	no_splat 'and the kernel has nothing to say'
	for scenario in $scenarios churn secretmem; do
		file_like "$out/$scenario" "^$scenario: ok seed=1 .* transitions=[1-9]" "$scenario sums up"
	done
	cp -r "$out" "$test_work/first"

	guest --kernel "$kernel" --smp 4 --cpu max,-la57 -- sh -c "for s in $scenarios; do gmem-load \$s >/out/\$s; done
		gmem-load churn --rounds 20 >/out/churn"
	for scenario in $scenarios churn; do
		is "$(sed 's/ restarted=.*//' "$out/$scenario")" "$(sed 's/ restarted=.*//' "$test_work/first/$scenario")" \
			"$scenario does the same in another boot, with four levels and CPUs"
	done
}

test_threads() {
	guest --kernel "$kernel" -- sh -c 'for s in fault convert convert-unfaulted folio punch secretmem; do
			gmem-load $s --threads 3 --vms 2 || echo $s failed >&2
		done
		gmem-load churn --threads 4 --vms 2 --seconds 10 || echo churn failed >&2'
	stderr_is '' 'threads and VMs side by side'
	stdout_like '^churn: ok seed=1 vms=2 threads=4 ' 'churn with opposite wishes too'
	no_splat 'and the kernel has nothing to say'
}

test_cannot_run() {
	guest --kernel "$kernel" --no-kvm -- gmem-load fault
	status_is 4 'no KVM: cannot run here'
	stderr_is 'gmem-load: /dev/kvm: No such file or directory; load the modules kvm and kvm_amd' 'and why'
	if stock_there stock-6.12; then
		guest --kernel stock-6.12 -- gmem-load convert
		status_is 4 'a stock kernel: cannot run here'
		stderr_like 'no KVM_X86_SW_PROTECTED_VM' 'and why'
	fi
	stock_there stock-6.1 || return
	guest --kernel stock-6.1 -- gmem-load secretmem --threads 2 --pages 4096
	status_is 0 'memfd_secret works on stock 6.1'
	guest --kernel stock-6.1 --append secretmem.enable=0 -- gmem-load secretmem
	status_is 4 'not when it is disabled'
	stderr_like 'secretmem.enable=1' 'and what to do'
}

[ -x "$top/build/bin/gmem-load" ] || skip_all 'build/bin/gmem-load is not built, run make'
test_usage
stock_there "$kernel" || end_tests print-plan
test_scenarios
test_threads
test_cannot_run
end_tests print-plan

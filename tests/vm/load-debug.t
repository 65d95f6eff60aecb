#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every scenario, and what else user space can do to a guest_memfd, on gmem-debug, preemptible anywhere:
# lockdep and its like have nothing to say.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/bin/gmem-load" ] || skip_all 'build/bin/gmem-load is not built, run make'
for program in attack costs windows; do
	[ -x "$top/build/tests/vm/$program" ] || skip_all "build/tests/vm/$program is not built, run make check-vm"
	programs+=(--add "$top/build/tests/vm/$program")
done

guest --kernel gmem-debug --timeout 480 --append preempt=full "${programs[@]}" -- sh -c '
	# Before other leaves of the direct map are split than it asks for.
	windows unprepared 2 || echo unprepared failed
	for s in fault convert convert-unfaulted folio punch secretmem; do
		gmem-load $s || echo $s failed
	done
	gmem-load churn --seconds 15 --threads 3 --vms 2 || echo churn failed
	for a in slots kill memcg fork sockets; do
		attack $a 2 || echo $a failed
	done
	for a in wide many scattered parts reserve; do
		costs $a 2 || echo $a failed
	done
	for a in shrink brink poison; do
		windows $a 2 || echo $a failed
	done
	attack reuse 2 || echo reuse failed
	rmmod kvm_amd kvm || echo kvm is still in use
	grep debug_locks /proc/lockdep_stats >/out/lockdep'
is "$(grep -c ': ok ' "$stdout")" 22 'every scenario and every attack ends well' || diag_guest
is "$(grep -v ': ok ' "$stdout")" '' 'and KVM can be unloaded'
no_splat 'the kernel has nothing to say'
file_like "$out/lockdep" 'debug_locks: +1$' 'and lockdep still watched at the end'

end_tests print-plan

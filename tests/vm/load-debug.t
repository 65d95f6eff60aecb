#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every scenario, and what else user space can do to a guest_memfd, on gmem-debug, preemptible anywhere:
# lockdep and its like have nothing to say.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/bin/gmem-load" ] || skip_all 'build/bin/gmem-load is not built, run make'
[ -x "$top/build/tests/vm/attack" ] || skip_all 'build/tests/vm/attack is not built, run make check-vm'

guest --kernel gmem-debug --append preempt=full --add "$top/build/tests/vm/attack" -- sh -c '
	for s in fault convert convert-unfaulted folio punch secretmem; do
		gmem-load $s || echo $s failed
	done
	gmem-load churn --seconds 15 --threads 3 --vms 2 || echo churn failed
	for a in slots kill memcg fork sockets wide many scattered reuse; do
		attack $a 2 || echo $a failed
	done
	rmmod kvm_amd kvm || echo kvm is still in use
	grep debug_locks /proc/lockdep_stats >/out/lockdep'
is "$(grep -c ': ok ' "$stdout")" 16 'every scenario and every attack ends well' || diag_guest
is "$(grep -v ': ok ' "$stdout")" '' 'and KVM can be unloaded'
no_splat 'the kernel has nothing to say'
file_like "$out/lockdep" 'debug_locks: +1$' 'and lockdep still watched at the end'

end_tests print-plan

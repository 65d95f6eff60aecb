#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Inodes as a snapshot and their holders show them: mostly empty, cut at a limit, of a KVM that says nothing of itself.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/tests/vm/sparse" ] || skip_all 'build/tests/vm/sparse is not built, run make check-vm'

# 64 GiB with a page in three of its chunks; what is empty is read all the same.
guest --no-kvm --add "$top/build/tests/vm/sparse" -- sh -c '
	pages=0x1000000
	gmemtrace check --no-daemon --json -- sparse 0 $pages 0 0x40001 0xffffff >/out/whole.json
	echo $? >/out/whole
	gmemtrace check --no-daemon --json --release-limit 32mb -- sparse 0 $pages 0 0x40001 0xffffff >/out/cut.json
	echo $? >/out/cut
	sparse 20 16 0 &
	sleep 1
	gmemtrace record --no-daemon -d 1 -o /tmp/holder.cap
	gmemtrace live --batch /tmp/holder.cap >/out/holder
	kill $!
	true'
status_is 0 'the guest ran to its end'
is "$(cat "$out/whole")" 0 'a page in the last of 64 GiB is judged'
json_is "$out/whole.json" .pages 16777216 'and all that is empty was compared'
is "$(cat "$out/cut")" 5 'where the limit cuts the last page off, it is inconclusive'
json_is "$out/cut.json" '.violations | length' 0 'and nothing is accused'
file_like "$out/holder" ' sparse ' 'an inode from before carries the name of who holds it'
is "$(grep -c ' gmemtrace ' "$out/holder")" 0 'and not the name of who found it'

kernel=$("$top/kernel/build" gmem | tail -n 1)
objcopy --remove-section .BTF "$kernel/modules/kvm.ko" "$test_work/kvm-silent.ko"
guest --no-kvm --add "$test_work/kvm-silent.ko" -- sh -c '
	insmod /lib/modules/irqbypass.ko
	insmod /bin/kvm-silent.ko && insmod /lib/modules/kvm-amd.ko || exit 1
	gmemtrace features >/out/features
	gmem-load plain --pages 64 --hold-seconds 60 >/dev/null &
	sleep 3
	gmemtrace holders >/out/holders
	gmemtrace holders --json >/out/holders.json
	kill $!
	gmemtrace check --no-daemon --json -- gmem-load convert --pages 64 >/out/verdict.json'
status_is 5 'a KVM without its BTF is not judged'
json_is "$out/verdict.json" '.violations | length' 0 'and not accused'
file_like "$out/features" 'kvm is loaded without its BTF' 'features says why'
file_like "$out/holders" '^    [0-9]+ +gmem-load +descriptor [0-9]+$' 'who holds one of its guest_memfds is named all the same'
json_is "$out/holders.json" '[.inodes == [], (.unknown_holders | map(.comm) | unique | join(" "))] | join(" ")' 'true gmem-load' \
	'as a holder of what is not known'
end_tests print-plan

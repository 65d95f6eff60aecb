#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The series' own KVM selftests, and the stock one of guest_memfd, on the kernel that they came with and on its
# debug build. After them the direct map has its entries back as they were. On gmem, which has /dev/mem, they
# also look for what a guest has written in memory that is free. GMEMTRACE_KERNELS: other kernels, gmem-debian
# for one.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

# KiB of the direct map that are present, writable and not global.
not_global='awk "/^---\[/ { direct = /Low Kernel Mapping/ }
	direct && / RW / && !/ GLB / { size = \$2; sub(/[KMG]/, \"\", size)
		sum += size * (\$2 ~ /M/ ? 1024 : \$2 ~ /G/ ? 1048576 : 1) }
	END { print sum + 0 }" /sys/kernel/debug/page_tables/kernel'

read -ra kernels <<<"${GMEMTRACE_KERNELS:-gmem gmem-debug}"
for kernel in "${kernels[@]}"; do
	freed=
	[ "$kernel" != gmem ] || freed=freed
	# By path: the selftest framework opens argv[0].
	guest --kernel "$kernel" --mem 512M --timeout 600 -- sh -c "
		mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
		mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
		$not_global >/out/before
		/bin/guest_memfd_test || exit
		/bin/guest_memfd_direct_map_test $freed || exit
		$not_global >/out/after"
	status_is 0 "$kernel: guest_memfd_test, guest_memfd_direct_map_test${freed:+, freed memory is cleared}"
	is "$(grep -c 'SKIP' "$stdout" "$stderr" | awk -F: '{ sum += $2 } END { print sum + 0 }')" 0 "$kernel: none of it is left out" || diag_guest
	no_splat "$kernel: the kernel has nothing to say"
	before=$(cat "$out/before" 2>/dev/null) after=$(cat "$out/after" 2>/dev/null)
	# Where the guest did not come to it this fails, too.
	succeeds "$kernel: entries that come back are global again (${before:-?}, then ${after:-?} KiB are not)" \
		test "${after:-$((1 << 62))}" -lt "$((${before:-0} + 1024))"
done
end_tests print-plan

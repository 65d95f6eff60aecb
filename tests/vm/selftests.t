#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The series' own KVM selftests, on the kernel that they came with and on its debug build.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

for kernel in gmem gmem-debug; do
	# By path: the selftest framework opens argv[0].
	guest --kernel "$kernel" -- /bin/guest_memfd_direct_map_test
	status_is 0 "$kernel: guest_memfd_direct_map_test"
	no_splat "$kernel: the kernel has nothing to say"
done
end_tests print-plan

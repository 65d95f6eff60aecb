#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory failure in private memory: pages that it poisons are left alone by conversions, and nothing hangs. What
# the guest uses is not soft offlined. Before that, in the same guest, a VM below the limit of a memcg.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

for program in poison bounds; do
	[ -x "$top/build/tests/vm/$program" ] || skip_all "build/tests/vm/$program is not built, run make check-vm"
done

guest --kernel gmem-debug --add "$top/build/tests/vm/poison" --add "$top/build/tests/vm/bounds" -- sh -c '
	bounds fits >/out/fits
	gmemtrace check --json --no-daemon -- poison >/out/verdict.json
	status=$?
	grep debug_locks /proc/lockdep_stats >/out/lockdep
	exit $status'
status_is 0 'the tracer says consistent'
stderr_like '^soft offline: refused$' 'a page that the guest uses is not taken from it for a corrected error'
stderr_like '^595 of 600 pages still change$' 'conversions leave poisoned pages alone'
json_is "$out/verdict.json" .verdict consistent 'the verdict says so too'
is "$(cat "$out/fits")" 'fits: ok' 'a VM within the limit of its memcg lives, whatever is prepared around its faults' || diag_guest
no_splat 'the kernel has nothing to say'
file_like "$out/lockdep" 'debug_locks: +1$' 'and lockdep still watched at the end'
end_tests print-plan

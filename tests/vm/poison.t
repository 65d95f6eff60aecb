#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory failure in private memory: pages that it poisons are left alone by conversions, and nothing hangs.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/tests/vm/poison" ] || skip_all 'build/tests/vm/poison is not built, run make check-vm'

guest --kernel gmem-debug --add "$top/build/tests/vm/poison" -- sh -c '
	gmemtrace check --json --no-daemon -- poison >/out/verdict.json
	status=$?
	grep debug_locks /proc/lockdep_stats >/out/lockdep
	exit $status'
status_is 0 'the tracer says consistent'
stderr_like '^595 of 600 pages still change$' 'conversions leave poisoned pages alone'
json_is "$out/verdict.json" .verdict consistent 'the verdict says so too'
no_splat 'the kernel has nothing to say'
file_like "$out/lockdep" 'debug_locks: +1$' 'and lockdep still watched at the end'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tasks that want the same begin slot: nothing is mixed up, and what is missing is counted.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/tests/vm/collide" ] || skip_all 'build/tests/vm/collide is not built, run make check-vm'

# As many CPUs as tasks: each is preempted between its zap and its flush.
guest --smp 4 --add "$top/build/tests/vm/collide" --timeout 120 -- sh -c '
	gmemtrace check --json --no-daemon -- sh -c "collide 20 >/out/changes" >/out/verdict.json; echo $?'
json_is "$out/verdict.json" '.violations | length' 0 'no task is accused for another one'
json_is "$out/verdict.json" '.transitions + (.lost_by_cause["ring-full"] // 0) >= '"$(cat "$out/changes")"' or .missed > 0' \
	true 'every change is there, or counted'
json_ok "$out/verdict.json" '(.lost == 0 and .missed == 0) == (.verdict == "consistent")' \
	'consistent where nothing was lost'
end_tests print-plan

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
# A change whose page was not found out is there as well, as nobody's. What is missing is said, for who has to look for it.
json_is "$out/verdict.json" 'if .transitions + .zaps_foreign + (.lost_by_cause["ring-full"] // 0) >= '"$(cat "$out/changes")"' or .missed > 0
	then true else {verdict, transitions, zaps_foreign, unexplained, contradicted, lost_by_cause, missed, records, inodes} | tojson end' \
	true 'every change is there, or counted'
json_ok "$out/verdict.json" '(.lost == 0 and .missed == 0) == (.verdict == "consistent")' \
	'consistent where nothing was lost'
end_tests print-plan

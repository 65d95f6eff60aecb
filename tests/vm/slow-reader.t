#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Records come faster than they can be stored: `-d` ends all the same, with the load still at work, and what was
# lost accuses nobody. The capture goes through the lab's file share, which is slow.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

guest --one-thread -- sh -c '
	gmem-load churn --seconds 240 --vms 2 --threads 3 >/dev/null & load=$!
	sleep 2
	gmemtrace check --json -d 2 -o /out/run.cap >/out/verdict.json
	kill $load && echo the load was still at work'
stdout_is 'the load was still at work' 'two seconds end before the load does'
json_ok "$out/verdict.json" '.verdict != "violated" and (.violations | length) == 0 and .transitions > 0' \
	'nobody is accused'
is "$("$top/build/bin/gmemtrace" check --json "$out/run.cap" | jq -c '[.verdict, .transitions, .lost]')" \
	"$(jq -c '[.verdict, .transitions, .lost]' "$out/verdict.json")" 'and the capture says the same'
end_tests print-plan

#!/bin/bash
# What check and flame refuse before they look at anything: one line, exit status 64.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

# refused WORDS OPTION...
refused() {
	local words=$1 said status
	shift
	said=$("$top/build/bin/gmemtrace" check "$@" /nonexistent 2>&1)
	status=$?
	is "$status: $said" "64: gmemtrace check: $words; see gmemtrace check --help" "check $*"
}

refused 'stuck is both required and allowed' --allow stuck:slow --require missed-page,stuck
refused 'stuck is both required and allowed' --require stuck --allow stuck
refused '--allow: stuck: allowed twice' --allow stuck --allow stuck
refused '--require: long-exposure: a note, no verdict depends on it' --require long-exposure
refused '--known-issues: /nonexistent: No such file or directory' --known-issues /nonexistent
refused '--json and --tap: give one of them' --json --tap
refused '--mail and --json: give one of them' --mail --json
is "$("$top/build/bin/gmemtrace" flame --html --by vm /nonexistent 2>&1; echo $?)" 'gmemtrace flame: --by has no meaning with --html, which has them all; see gmemtrace flame --help
64' 'flame --html --by'
"$top/build/bin/gmemtrace" check --require missed-page --allow stuck --json --json --junit=/dev/null /nonexistent 2>"$test_work/said"
is "$?: $(cat "$test_work/said")" '2: gmemtrace: /nonexistent: cannot open the capture: No such file or directory' 'what fits is taken'

end_tests print-plan

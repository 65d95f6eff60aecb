#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# JSON that names a form and has no schema, of features, holders, why and latency: its keys are those of
# tests/unit/fixtures/json-keys, a line each with all that it stands in. One that is gone, or is called otherwise, is red;
# one more is written down by KEYS_WRITE=1 tests/cli/keys.t.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
list=tests/unit/fixtures/json-keys

# keys NAME FILTER FILE: of the objects in FILE, as the list has them.
keys() {
	jq -r "$2"' | [paths | map(if type == "number" then "[]" else . end)] | unique[] | select(last != "[]") | join(".")' "$3" |
		sort -u | sed "s/^/$1 /"
}

# from PROGRAM: what this unit test has made, in $test_work/PROGRAM.
from() {
	JSON_OUT=$test_work/$1 "build/tests/test_$1" >"$stdout" 2>"$stderr"
	status=$?
	status_is 0 "test_$1 says JSON"
}

# pinned NAME: of one command, the list's keys and those of $test_work/keys.
pinned() {
	is "$(grep "^$1 " "$test_work/keys" | diff <(grep "^$1 " "$list") - | grep '^[<>]')" '' "$1: its keys are those of the list"
}

for program in story latency run; do
	from $program
done
build/bin/gmemtrace features --json >"$test_work/features" 2>/dev/null
{
	keys features . "$test_work/features"
	keys holders '.unknown_holders = []' "$test_work/run"
	keys latency . "$test_work/latency"
	keys why . "$test_work/story"
} >"$test_work/keys"
[ -z "${KEYS_WRITE-}" ] || cp "$test_work/keys" "$list"
pinned features
if [ -s "$test_work/run" ]; then
	pinned holders
else
	skip 1 'holders: no memfd_secret here'
fi
pinned latency
pinned why
sed 's/^why subject\.pgoff_first$/why subject.pgoff/' "$list" >"$test_work/renamed"
is "$(list=$test_work/renamed; pinned why 2>/dev/null | sed 's/ [0-9]* - .*//')" 'not ok' 'a key that is called otherwise is found'
end_tests print-plan

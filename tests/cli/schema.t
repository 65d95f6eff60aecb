#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# All that check --json prints obeys the schema that check --schema prints; what does not is found.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

gmemtrace=$top/build/bin/gmemtrace
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1

# One for all that is asked, as it begins slowly: reads a line "SCHEMA FILE", of one object or of lines of them; prints
# what in them does not obey, and a line "." behind it.
obeying() {
	python3 -u -c '
import json, sys
import jsonschema

for schema, told in map(str.split, sys.stdin):
    validator = jsonschema.Draft202012Validator(json.load(open(schema)))
    validator.check_schema(validator.schema)
    text, decoder = open(told).read().strip(), json.JSONDecoder()
    while text is not None:
        one, end = decoder.raw_decode(text)
        for error in validator.iter_errors(one):
            print(f"{list(error.absolute_path)}: {error.message[:200]!r}")
        text = text[end:].lstrip() or None
    print(".")
'
}
coproc obeying { obeying; }

# obeys FILE: prints what in it does not
obeys() {
	local line=
	echo "$test_work/schema $1" >&"${obeying[1]}"
	while read -r line <&"${obeying[0]}" && [ "$line" != . ]; do
		echo "$line"
	done
	[ "$line" = . ] || echo 'it was not read to its end'
}

# said STATUS FILE OPTION...: what check says of FILE obeys
said() {
	local status=$1 file=$2
	shift 2
	"$gmemtrace" check --json "$@" "$file" >"$test_work/said" 2>/dev/null
	is "$?: $(obeys "$test_work/said")" "$status: " "${file##*/} $*"
}

# broken WORDS FILTER: what jq makes of it does not obey, for that reason
broken() {
	jq "$2" "$test_work/said" >"$test_work/broken"
	obeys "$test_work/broken" >"$test_work/wrong"
	file_like "$test_work/wrong" "$1" "not with $2"
}

"$gmemtrace" check --schema >"$test_work/schema"
is "$?" 0 'there is a schema'
is "$(cat "$test_work/schema")" "$(cat "$top/src/report/verdict.schema.json")" 'and it is the one of the source'
for file in "$top"/tests/unit/fixtures/*.cap; do
	said "$("$gmemtrace" check "$file" >/dev/null 2>&1; echo $?)" "$file"
done
said 0 "$test_work/consistent.cap"
broken "'consistent' is not one of|not valid under|was expected|'maybe'" '.verdict = "maybe"'
broken 'additional|Additional' '.more = 1'
broken 'required property' 'del(.lost)'
said 1 "$test_work/violated.cap"
broken '1 was expected' '.exit_status = 0'
broken 'nevaluated' '.violations[0].more = 1'
broken 'is not of type|does not match|not valid under' '.violations[0].inode = "no name"'
said 0 "$test_work/violated.cap" --allow freed-absent:known --allow applied-mismatch
broken 'required property' 'del(.allowed[0].reason)'
head -c -100 "$test_work/consistent.cap" >"$test_work/cut.cap"
said 5 "$test_work/cut.cap"
broken 'too short|non-empty' '.reasons = []'

# The lines of live --json are objects of a schema of their own.
"$gmemtrace" live --schema >"$test_work/schema"
is "$?" 0 'there is a schema of lines'
"$gmemtrace" live --json -i 100ms "$test_work/violated.cap" >"$test_work/lines"
succeeds 'there are lines' test "$(wc -l <"$test_work/lines")" -ge 2
is "$(obeys "$test_work/lines")" '' 'which obey it'
tail -n 1 "$test_work/lines" >"$test_work/said"
broken 'is not of type' '.pages = "many"'
broken 'dditional' '.more = 1'
sh -c "('$gmemtrace' live --json '$test_work/violated.cap'; echo \$? >'$test_work/head') | head -n 1 >/dev/null"
is "$(cat "$test_work/head")" 0 '| head is no error'

# And what map prints of the walks in a capture.
"$gmemtrace" map --schema >"$test_work/schema"
is "$?" 0 'there is a schema of a map'
"$gmemtrace" map --json "$top/tests/unit/fixtures/orphans.cap" >"$test_work/said"
is "$?: $(obeys "$test_work/said")" '1: ' 'which a map with orphans obeys'
broken 'dditional' '.more = 1'
broken 'dditional' '.orphans[0].more = 1'
broken 'required property' 'del(.absent_by[0].i_ino)'
broken 'is not one of|not valid under' '.orphans[0].owner = "somebody"'
broken 'is not of type' '.not_judged = 5'
end_tests print-plan

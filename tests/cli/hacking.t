#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# HACKING.md names files, functions and commits that are there, tests/README.md tests and cases of them.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh disable=SC2016
. "$(dirname -- "$0")/../vm/lib.sh"

text=$top/HACKING.md
cd "$top" || exit 1

# missing_files FILE: of its `paths/in/backquotes`; NAME and FILE stand for any.
missing_files() {
	local path
	for path in $(grep -oE '`[a-z][A-Za-z_./*-]*/[A-Za-z_./*-]*`' "$1" | tr -d '`' | grep -vE 'NAME|FILE' | sort -u); do
		compgen -G "$path" >/dev/null || printf ' %s' "$path"
	done
}

# missing_functions FILE: of its `calls()`.
missing_functions() {
	local name
	for name in $(grep -oE '`[a-z_]+\(\)`|`[A-Z_]{4,}(\(\))?`' "$1" | tr -d '`()' | sort -u); do
		grep -rqw "$name" src bpf include || printf ' %s' "$name"
	done
}

# missing_commits FILE: subjects in *emphasis* with a room in front.
missing_commits() {
	local subject
	tr '\n' ' ' <"$1" | grep -oE '\*[a-z]+(, [a-z]+)*: [^*]+\*' | tr -d '*' | while read -r subject; do
		git log --format=%s | grep -qFx -- "$subject" || printf ' [%s]' "$subject"
	done
}

# missing_cases FILE: of its `unit/NAME: CASE`, `vm/NAME: CASE` and `cli/NAME`.
missing_cases() {
	local name test case file
	grep -oE '`(unit|vm|cli)/[^`]*`' "$1" | tr -d '`' | grep -v NAME | sort -u | while read -r name; do
		test=${name%%:*} case=
		[[ $name != *:* ]] || case=${name#*: }
		file=tests/$test.t
		[[ $test != unit/* ]] || file=tests/unit/test_${test#unit/}.c
		# A guest's cases stand in a file of its own, where it has one.
		[ -f "$file" ] && { [ -z "$case" ] || grep -qw -- "$case" "$file" "${file%.t}.guest" 2>/dev/null; } ||
			printf ' [%s]' "$name"
	done
}

is "$(missing_cases tests/README.md)" '' 'tests that defend something are there'
printf '`unit/proof: test_no_such` `vm/none` `cli/files`\n' >"$test_work/wrong"
is "$(missing_cases "$test_work/wrong")" ' [unit/proof: test_no_such] [vm/none]' 'one that is not is found'
is "$(missing_files "$text")" '' 'its files are there'
is "$(missing_functions "$text")" '' 'its functions and lists are there'
if git rev-parse --is-shallow-repository 2>/dev/null | grep -qx false; then
	is "$(missing_commits "$text")" '' 'its commits are in the history'
else
	skip 1 'there is no history here'
fi
printf '`src/none/at_all.c` `none_at_all()` *run: no such commit*\n' >"$test_work/wrong"
is "$(missing_files "$test_work/wrong")$(missing_functions "$test_work/wrong")" ' src/none/at_all.c none_at_all' \
	'what is not there is found'
git rev-parse HEAD >/dev/null 2>&1 &&
	is "$(missing_commits "$test_work/wrong")" ' [run: no such commit]' 'and so is a commit that is not'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# HACKING.md names files, functions and commits that are there.
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

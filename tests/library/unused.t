#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Nothing is there for others that no other takes.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

require_build build/bin/gmemtrace all
require_build build/tests/test_model unit-tests

# object_of SOURCE: an object may be older than its source's end, so it is not taken for one.
object_of() {
	local object=$top/build/tests/obj/${1#"$top/"}
	[ "${1##*/}" != main.c ] || object=$top/build/obj/${1#"$top/src/"}
	echo "${object%.c}.o"
}

objects=() users=()
# What is for programs that are linked statically is no part of the tests.
for source in "$top"/src/*/*.c; do
	[[ $source == */static/* ]] || objects+=("$(object_of "$source")")
done
# That of the rings is compiled by itself.
for source in "$top"/tests/unit/*.c; do
	[ "${source##*/}" = test_rings.c ] || users+=("$(object_of "$source")")
done
is "$("$top/tests/unused" "$top/include/gmemtrace" "${objects[@]}" -- "${users[@]}" 2>&1)" '' 'nothing in src'

# The control: a file of which one function is nobody's.
printf 'int taken(void);\nint no_one_takes(void);\nint taken(void) { return 0; }\nint no_one_takes(void) { return 1; }\n' >"$test_work/a.c"
printf 'int taken(void);\nint main(void) { return taken(); }\n' >"$test_work/b.c"
for file in a b; do
	"${CC:-cc}" -c "$test_work/$file.c" -o "$test_work/$file.o"
done
is "$("$top/tests/unused" "$top/include/gmemtrace" "$test_work/a.o" -- "$test_work/b.o")" \
	"$test_work/a.o: no_one_takes" 'what is dead is found'
end_tests print-plan

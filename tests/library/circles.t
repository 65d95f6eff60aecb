#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Calls run one way within a room: no files that call each other in a circle.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

require_build build/bin/gmemtrace all
require_build build/tests/test_model unit-tests
for room in "$top"/src/*; do
	room=${room##*/} objects=$top/build/obj/$room
	# The library's is one object.
	[ "$room" != model ] || objects=$top/build/tests/obj/src/model
	is "$("$top/tests/circles" "$objects" "$top/src/$room" 2>&1)" '' "none in src/$room"
done

# The control: two files that do.
mkdir -p "$test_work/circle"
printf 'int b(void);\nint a(void);\nint a(void) { return b(); }\n' >"$test_work/circle/a.c"
printf 'int a(void);\nint b(void);\nint b(void) { return a(); }\n' >"$test_work/circle/b.c"
for file in a b; do
	"${CC:-cc}" -c "$test_work/circle/$file.c" -o "$test_work/circle/$file.o"
done
is "$("$top/tests/circles" "$test_work/circle" "$test_work/circle" | wc -l)" 2 'one is seen where there is one'
end_tests print-plan

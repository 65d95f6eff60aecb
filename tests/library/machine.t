#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make for another architecture ends before it has begun, with the reason in a line.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

# made COMPILER: by which make has a try, in a directory of its own.
made() {
	env -u MAKEFLAGS make -C "$top" --no-print-directory --jobs 4 B="$test_work/build" CC="$1" all >"$stdout" 2>"$stderr"
	status=$?
}

made 'gcc -m32'
status_is 2 'x86 of 32 bits is refused'
is "$(grep -c error: "$stderr")" 1 'in one line'
stderr_like 'error: #error gmemtrace is of x86-64 alone: ' 'which says why'
is "$(find "$test_work/build" -type f)$(cat "$stdout")" '' 'and nothing was made'
# The control: a compiler for this machine, which does nothing but that.
env -u MAKEFLAGS make -C "$top" --no-print-directory B="$test_work/build" "$test_work/build/obj/static/machine.o" >"$stdout" 2>"$stderr"
is "$? $(cat "$stderr")" '0 ' 'this one is not'
end_tests print-plan

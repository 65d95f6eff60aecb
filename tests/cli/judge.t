#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel/production/judge and what it is called with; nothing is booted.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

# refused ARGUMENT...: its status, and how many lines it says.
refused() {
	"$top/kernel/production/judge" "$@" >"$stdout" 2>"$stderr"
	echo "$? $(wc -l <"$stderr")"
}

kernel="$test_work/a kernel"
mkdir "$kernel"
: >"$kernel/bzImage"
is "$(refused)" '64 1' 'a kernel is wanted'
is "$(refused "$test_work")" '64 1' 'and is a directory with one in it'
is "$(refused "$kernel" --append)" '64 1' 'an option has its value'
is "$(refused "$kernel" --apend x)" '64 1' 'an option is one that there is'
is "$(refused "$kernel" --append x 'never-flushed g3')" '64 1' 'what is accused has a rule, an inode and pages'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a kind of inode does and promises stands in the table: the model and the rules ask for that, and nobody's name.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

table=src/providers/provider.h
cd "$top" || exit 1

# unread TABLE DIRECTORY...: traits that nobody asks for there, neither each nor as a set.
unread() {
	local trait bit set from=$1
	shift
	sed -n "/^enum provider_trait/,/^};/p" "$from" | grep -oE "^	PROVIDER_[A-Z_]+" | while read -r trait; do
		bit=$(grep -oE "PROVIDER_BIT_[A-Z]+\(id, has, \.\.\.\) PROVIDER_BIT\(id, has, $trait\)" "$from" |
			sed 's/(.*//')
		set=$(sed -n '/^enum provider_set/,/^};/p' "$from" | grep "PROVIDERS(${bit:-none})" |
			grep -oE 'PROVIDERS_[A-Z_]+')
		grep -rqwE "$trait${set:+|$set}" "$@" || printf ' %s' "$trait"
	done
}

# named DIRECTORY...: lines that speak of a kind by its name. UNKNOWN is none: it is what is not known of one.
named() {
	grep -rnE 'RECORD_PROVIDER_[A-Z]' "$@" | grep -v RECORD_PROVIDER_UNKNOWN
}

is "$(unread $table src/model src/rules)" '' 'each trait is asked for'
is "$(named src/model src/rules)" '' 'and no kind by its name'
# The controls: a trait of no use, and one that is asked for no more; a name.
mkdir -p "$test_work/model"
sed 's/^enum provider_trait {/&\n	PROVIDER_IDLE = 1 << 30,/' $table >"$test_work/provider.h"
cp src/model/*.[ch] "$test_work/model"
sed -i 's/PROVIDER_RESTORES_LEFT/PROVIDER_JUDGED/' "$test_work/model/zap.c"
is "$(unread "$test_work/provider.h" "$test_work/model" src/rules)" ' PROVIDER_IDLE PROVIDER_RESTORES_LEFT' \
	'one is seen that is not'
echo 'return provider == RECORD_PROVIDER_SECRETMEM;' >"$test_work/model/none.c"
is "$(named "$test_work/model" | wc -l)" 1 'and a name'
end_tests print-plan

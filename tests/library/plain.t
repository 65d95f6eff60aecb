#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the plain programs leave out is what they are not chosen for: a switch that is forgotten there is not recorded.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

# unasked LOADER: the switches that `!plain &&` guards in the sensors, and that choose_plain() does not ask for.
unasked() {
	comm -23 <(cat "$top"/bpf/*.h "$top"/bpf/*.c | grep -oE '!plain && sensor\.[a-z_]+' | sed 's/.*\.//' | sort -u) \
		<(sed -n '/^static void choose_plain/,/^}/p' "$1" | grep -oE 'config->[a-z_]+' | sed 's/.*>//' | sort -u)
}

is "$(unasked "$top/src/sensor/load.c")" '' 'each is asked for'
# The control: one of them is not.
sed 's/ && !config->zap_by_address//' "$top/src/sensor/load.c" >"$test_work/load.c"
is "$(unasked "$test_work/load.c")" zap_by_address 'one is seen where it is not'
end_tests print-plan

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The oldest kernel, the one between and the newest that this version was tried on, by name, as tests/vm/kernels
# judges each; `make kernels` runs them all. And the verifier's limit on the project's own kernel.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly newest=stock-7.3

# all_good NAME: every scenario of the kernel's line is ok, or not to be had there.
all_good() {
	if ! "$top/tests/vm/kernels" --cpu max --out "$test_work/kept" "$1" >"$stdout" 2>"$stderr"; then
		fail "$1: every scenario"
		cat "$stdout" "$stderr" | tail -n 20 | sed 's/^/#   /' >&2
		note_failure "  $(grep "^$1" "$stdout")" "  $(grep "lab/run: " "$stderr" || tail -n 1 "$stderr")"
		return
	fi
	pass "$1: every scenario"
}

[ -x "$top/build/tests/vm/verified" ] || skip_all 'build/tests/vm/verified is missing: run make guest-programs'
for name in stock-6.1 stock-6.12 $newest; do
	stock_there "$name" && all_good "$name"
done
all_good gmem
# The control: with a limit below what the sensors take, the same check fails.
guest --add "$top/build/tests/vm/verified" -- \
	sh -c 'gmemtrace record -o /tmp/capture -- sh -c "verified 10 >/tmp/programs; echo \$?; grep -c snapshot_live /tmp/programs"
		verified --peak 10000000 gmemtrace check --allow-empty -- true >/tmp/peak; echo $?; grep -c "^peak [1-9]" /tmp/peak'
stdout_is '1
1
1
1' 'more instructions than the limit are refused, and the programs are the sensors'
# Under page-table isolation no entry is global; without it they are. In one thread: of several, stock-6.12 died of int3
# in two boots of three with pti=off (lab/run --help has why).
if stock_there stock-6.12; then
	for isolation in on off; do
		guest --one-thread --kernel stock-6.12 --append "pti=$isolation" -- sh -c 'gmemtrace features | grep "^  global direct map"
			gmemtrace record -o /out/run.cap -- gmem-load secretmem --pages 16 --rounds 1 >/dev/null'
		"$top/build/bin/gmemtrace" check --json "$out/run.cap" >"$test_work/$isolation.json"
		cp "$stdout" "$test_work/$isolation"
	done
	is "$(awk '{ print $4 }' "$test_work/on" "$test_work/off" | tr '\n' ' ')" 'no yes ' 'stock-6.12, pti=on and off: features says what is global'
	is "$(jq -r '.facts["kernel.direct_map_global"]' "$test_work/on.json" "$test_work/off.json" | tr '\n' ' ')" \
		'it is not global here, as with page-table isolation yes ' 'and so do captures'
fi
# memfd_secret where nothing flushes its zaps: those pages, all of them, and nothing else.
guest --one-thread --fault secretmem-unflushed --add "$top/build/tests/vm/woken" -- \
	sh -c 'gmemtrace check --json -- woken 64 >/out/woken.json
		gmemtrace check --json -- gmem-load secretmem --pages 250 --rounds 1 >/out/verdict.json'
status_is 1 'unflushed memfd_secret is a violation'
json_is "$out/verdict.json" '[[.violations[].rule] | unique[]] | join(" ")' never-flushed 'by the one rule'
json_is "$out/verdict.json" '[.violations[].count] | add' 250 'of every page that was touched'
json_is "$out/verdict.json" .transitions 500 'and every transition was seen'
# Nor does who wakes somebody on the only other CPU, or has it forget what its process had mapped, flush by that. A task
# that ends may flush what it touched last.
json_ok "$out/woken.json" '.reasons == [] and ([.violations[] | select(.rule == "never-flushed").count] | add >= 63)' \
	'a wakeup of the only other CPU is no flush'
# Memory that comes while it is watched, behind all that the sensors knew when they were loaded (2 GB, so from 4 GB on),
# of a kernel that knows how: ours do not.
memory_comes() {
	guest --kernel stock-6.12 --plug 1G --timeout 600 -- sh -c 'gmemtrace record -o /out/come.cap -- sh -c "gmem-load secretmem --pages 50 --rounds 1
		plug-memory && gmem-load secretmem --pages 250 --rounds 1"'
	status_is 0 'memory is plugged in while it records'
	"$top/build/bin/gmemtrace" check --json --min-pages 300 --require freed-absent "$out/come.cap" >"$out/come.json"
	json_is "$out/come.json" .verdict consistent 'pages that lie in it are consistent'
	"$top/build/bin/gmemtrace" export --format ndjson "$out/come.cap" >"$out/come.ndjson"
	is "$(jq -r 'select(.type == "change" and .pfn >= 1048576) | .made' "$out/come.ndjson" | sort | uniq -c | xargs)" \
		'250 absent 250 present' 'all of them do'
}

# And goes again, with its direct map and its pages' descriptions: what is watched is elsewhere, as nothing that cannot
# move lies there; who walks the direct map meets a hole.
memory_goes() {
	# shellcheck disable=SC2016  # the guest's shell expands it
	guest --kernel stock-6.12 --plug 1G --append memhp_default_state=online_movable --timeout 600 -- sh -c '
		blocks() { set -- /sys/devices/system/memory/memory[0-9]*; echo $#; }
		go() {
			echo 1 >/sys/bus/acpi/devices/PNP0C80:00/eject
			for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(blocks)" = "$before" ] && return; sleep 1; done
		}
		absent() { gmemtrace map --json | sed -n "s/.*\"absent\": *\([0-9]*\).*/\1/p"; }
		before=$(blocks)
		gmemtrace check --json -- gmem-load secretmem --pages 100 --rounds 1 --hold-seconds 20 >/out/held.json &
		for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(absent)" -ge 100 ] && break; sleep 1; done
		plug-memory movable; echo "$(($(blocks) - before)) came"
		gmemtrace map --json >/out/more.json
		go; echo "$(($(blocks) - before)) are left"
		gmemtrace map --json >/out/less.json
		wait'
	stdout_like '^8 came' 'memory is plugged in'
	stdout_like '^0 are left' 'and taken out again while it is watched'
	json_ok "$out/held.json" '.verdict == "consistent" and .pages >= 100' 'pages beside memory that goes are consistent'
	json_ok "$out/more.json" '.orphans == [] and .absent >= 100' 'where it is all absent pages are somebody'"'"'s'
	json_ok "$out/less.json" '.orphans == [] and .absent >= 100' 'and where it was'
}

if stock_there stock-6.12; then
	memory_comes
	memory_goes
fi
end_tests print-plan

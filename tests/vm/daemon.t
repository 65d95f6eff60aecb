#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmemtraced among clients that hang, lie, crowd and flood; every kind of its end; and clients of those who only
# pose as gmemtraced. GMEMTRACE_LAB_KERNEL: another kernel than gmem.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

here=$(cd -- "$(dirname -- "$0")" && pwd)

# ends_like NAME STATUS DESCRIPTION: it ended, and left what there was before.
ends_like() {
	is "$(cat "$out/$1.status") $(cat "$out/$1.gone")" "$2 0" "$1: $3"
	is "$(cat "$out/$1.left")" "$(cat "$out/before.left")" "$1: nothing is left"
}

test_attacks() {
	is "$(cat "$out/endless.stdout")" 'thrown out' 'who asks for 2^63 pages is thrown out'
	is "$(cat "$out/noise.stdout")" 'thrown out' 'so is who sends noise'
	file_like "$out/attack-crowd.stdout" \
		'^served 4 of 40: gmemtraced serves 4 clients of user 1003 already, as many as one user may have' \
		'a user has a quarter of the places, and is told so'
	case_is stranger 2 'Permission denied' 'who is not in the group does not get in'
	is "$(cat "$out/member.status")" 0 'who is in it, and has no capability, has his verdict'
	json_ok "$out/member.stdout" '.verdict == "consistent" and .pages >= 64' 'of the pages of others'
	is "$(cat "$out/member-why.status")" 0 'and the story of one of them'
	file_like "$out/member-holders.stdout" '^ +nobody who could be looked at; first met with process [0-9]+ \(gmem-load\)$' \
		'who holds it he may not see, and that is what is said'
	case_is member-features 4 'gmemtraced serves you at /run/gmemtraced.sock' 'features says by whom he may trace'
	is "$(cat "$out/member-live.status")" 0 'and what is there, in lines'
	file_like "$out/member-live.stdout" '^ +[0-9.]+ s[0-9]+ +[0-9]+ gmem-load +[1-9][0-9]* .* consistent$' \
		'an inode each, of who holds it'
	is "$(cat "$out/member-flame.status")" 0 'and where the time of his own flushes goes'
	file_like "$out/member-flame.stdout" '^gmem-load-[0-9]+;s[0-9]+;([^; ]+;)*flush_[a-z]+ [1-9][0-9]*$' 'folded, by who waited'
	case_is stranger-live 4 'but user 1005 may not connect: see its --group' 'neither of which who is not in it has'
	case_is stranger-check 4 'but user 1005 may not connect: see its --group' 'and to whom he has to turn who is not in it'
	is "$(grep -c 'serves you at' "$out/stranger-features.stderr")" 0 'whom nobody serves'
	is "$(cat "$out/check.status")" 0 'check through the daemon, beside all of them'
	json_is <(sed -n '/^{/,$p' "$out/check.stdout") .verdict consistent 'is not held up'
	ends_like sigterm 0 'SIGTERM ends it, whatever its clients do'
	file_like "$out/daemon.log" '^gmemtraced: client [0-9]+: pid [0-9]+ of user 1001: connected$' 'who came is logged'
	file_like "$out/daemon.log" '^gmemtraced: pid [0-9]+ of user 1003: refused: ' 'who was refused too'
	file_like "$out/daemon.log" '^gmemtraced: client [0-9]+: pid [0-9]+ of user 1004: dropped: what it sent is no command$' \
		'and who was thrown out, and why'
}

test_ends() {
	case_is second 4 'a gmemtraced already serves /run/gmemtraced.sock' 'two daemons: one clear line'
	ends_like sigint 0 'SIGINT ends it'
	ends_like parent-killed 137 'the child ends by itself'
	ends_like child-killed 2 'the parent says so'
	ends_like server-killed 2 'the same where the one that serves is killed'
	is "$(grep -c 'the process that owns the sensors, or the one that serves them, has died' "$out/daemon.log")" 2 'each once'
	is "$(head -n 1 "$out/both-killed.left")" "$(head -n 1 "$out/before.left")" \
		'both-killed: nothing is left in the kernel'
	is "$(tail -n 1 "$out/both-killed.left")" 0 'both-killed: and nobody listens'
	is "$(cat "$out/after-both.status")" 0 'the next one takes their place'
	ends_like after 0 'and ends well'
	is "$(cat "$out/own-sensors.left")" "$(cat "$out/before.left")" 'a client that is stopped, then killed, leaves nothing'
}

test_filters() {
	# Held are 512 pages of each; what either had before is told as well where it is still in the ring.
	json_ok "$out/filter-one.stdout" '.verdict == "consistent" and .pages == 512' 'a client sees the VM that it asked for'
	json_ok "$out/filter-other.stdout" '.verdict == "consistent" and .pages == 512' 'another, at the same time, its own'
	is "$(tr '\t' ' ' <"$out/server.may" | paste -sd ' ')" \
		'Uid: 65534 65534 65534 65534 CapPrm: 0000000000000000 CapEff: 0000000000000000' 'who serves may do nothing'
	if [ -s "$out/owner.filter" ]; then
		is "$(cat "$out/server.filter") $(cat "$out/owner.filter")" '2 0' 'nor call what it needs not, unlike its child'
	else
		skip 1 'this kernel has no seccomp'
	fi
	is "$(cat "$out/server.bpf")" 0 'and holds nothing of BPF'
	succeeds 'which its child does' test "$(cat "$out/owner.bpf")" -gt 20
	is "$(cat "$out/churn.status")" 0 'the load goes on when gmemtraced is killed'
	is "$(grep -c '^moved' "$out/moved")" 3 'a CPU goes and comes under the one that is started again'
	is "$(cat "$out/again-check.status")" 0 'which finds the state by reading it'
	json_ok "$out/again-check.stdout" '.verdict == "consistent" and .inodes >= 2 and .pages >= 1024' 'of what lives and what came'
	file_like "$out/again-check.stderr" '^gmemtrace: the past is known from [0-9.]+ s on, [0-9]+ s ago$' \
		'and says from when on it knows'
	ends_like again 0 'it ends well'
}

test_four() {
	is "$(sed 's/pid [0-9]*/pid N/' "$out/four-daemon.stdout")" \
		'gmemtraced: pid N serves /run/user/1000/gmemtraced.sock' 'four capabilities suffice for the daemon'
	is "$(paste -sd ' ' "$out/four.files")" 'gmemtrace.lock gmemtraced.sock' 'its files are where its user may write'
	is "$(cat "$out/four-client.status")" 0 "its user's clients find it there"
	case_is four-own 4 'another tracer owns the sensors' 'and so do owners'
	is "$(cat "$out/four-daemon.status") $(cat "$out/four.left")" '0 ' 'it ends, and leaves nothing'
	is "$(cat "$out/four-alone.status")" 5 'four suffice for gmemtrace alone'
}

# Pages of the inode, and which of them.
slot_of() {
	jq -r '"\(.inode.pages) \(.subject.pgoff_first)"' "$out/$1.stdout"
}

test_past() {
	is "$(cat "$out/past-check.status")" 0 'what gmemtraced remembers is judged'
	json_ok "$out/past-check.stdout" '.verdict == "consistent" and .transitions > 500 and .pages > 90' \
		'though nobody listened when it happened'
	file_like "$out/past-check.stderr" '^gmemtrace: the past is known from [0-9.]+ s on, [0-9]+ s ago$' 'and from when on is said'
	json_ok "$out/past-why.stdout" '[.steps[] | select(.event == "changed")] | length > 2' 'a page has its story from before'
	json_ok "$out/past-why.stdout" '.inode.dead' 'also where it is gone'
	json_ok "$out/past-address.stdout" '.inode.provider == "secretmem" and .now.applied == "absent" and .now.resident' \
		'the page at an address of a process is found'
	is "$(slot_of slot-first; slot_of slot-next)" "$(printf '24 8\n88 8')" \
		"a VM's private page is found by where it has what the guest shares"
	file_like "$out/slot-first.stderr" '^gmemtrace: [0-9]+:0x[0-9a-f]+: guest frame 0x[0-9a-f]+ of its VM, (private|shared now)' \
		'and which guest frame that is'
	case_is slot-none 2 'this process has 3 guest_memfds, and no memory slot that could be read has one of them there' \
		'what no slot has is none'
	json_ok <(jq -s . "$out/past-live.stdout") '[.[] | select(.inode == null) | .zapped] | add > 300' 'live lines of the past'
	ends_like past 0 'it ends well'
	case_is past-none 4 'this gmemtraced remembers nothing: start it with --history' 'who remembers nothing says so'
	case_is past-alone 4 'only gmemtraced remembers, and none serves here' 'and who has no daemon'
}

# screen_like NAME PATTERN DESCRIPTION
screen_like() {
	file_like "$out/$1.screen" "$2" "$3"
}

test_watched() {
	is "$(cat "$out/watched.status")$(stderr_of watched)" 0 'live on a terminal, over what happens, shows what was waited for, and q ends it'
	screen_like table '^gmemtrace  live  [0-9.]+ s .* lost 0' 'it has its header'
	screen_like table '^[- >] +g[0-9]+ +absent .* [1-9][0-9]* +[0-9]+ +[0-9]+ +[0-9.]+[num]?s' 'an inode with rates and latencies'
	screen_like table '^[0-9.]+ [0-9]+ +g[0-9]+ +[a-z_]+ 0x[0-9a-f]+.* (absent|present) ' 'and requests as they end'
	screen_like map '^ +0  [.#pPA~:?]{8} [.#pPA~:?]{8}' 'the map of its pages'
	screen_like map '^page 0x0 ' 'with the page under the cursor'
	screen_like story '^ *[0-9]+\.[0-9]+ +.*(absent|present|flush|request|faulted)' "the page's story, as far as it is remembered"
	screen_like story 'Esc back' 'on a screen of its own'
	screen_like narrow 'nothing compared +lost 0 *$|CONSISTENT so far +lost 0 *$' 'through one cell to 40 columns: what was lost stands there'
	is "$(cat "$out/watched.left")" '' 'q ends CMD, too'
	is "$(grep -l VIOLATED "$out"/*.screen)" '' 'and nobody is accused'
}

# Of a verdict what two runs of the same load have in common.
common_of() {
	jq -c '[.verdict, .inodes, .lost, .missed, (.violations | length),
		(.per_inode | map([.provider, .pages, .vm.comm]) | sort)]' "$out/$1.stdout" 2>&1
}

# Whose the changes of the other VM's pages are, in their order: of a task, or of nobody.
strangers_of() {
	"$top/build/bin/gmemtrace" export --format ndjson "$out/$1" |
		jq -r 'select(.type == "change" and .inode == null and .made == "absent") |
			if .tgid == 0 then "nobody" else "task" end'
}

test_left_out() {
	is "$(cat "$out/left-out-by-us.status") $(cat "$out/left-out-by-sensors.status")" '0 0' 'one of two VMs is judged'
	is "$(common_of left-out-by-sensors)" "$(common_of left-out-by-us)" 'alike where the sensors leave the other out'
	json_ok "$out/left-out-by-sensors.stdout" '.transitions > 50 and .pages > 30' 'with what there is to judge'
	# Of a task until the sensors know that the inode is nobody's business: how long that is depends on the host.
	is "$(strangers_of left-out.cap | tail -n 10 | sort | uniq -c | tr -s ' ')" ' 10 nobody' "the other's changes are still seen, and by nobody"
}

test_sums() {
	json_ok <(sed -n '/^{/,$p' "$out/sums-idle.stdout") '.summary and ([.rows[] | select(.key == "exposure")][0].count >= 64)' \
		'sums are kept while the sensors rest'
	json_ok <(sed -n '/^{/,$p' "$out/sums-check.stdout") '.verdict == "consistent" and .transitions > 50' 'events beside them are judged'
	json_ok "$out/sums-beside.stdout" '.summary and ([.rows[] | select(.key == "exposure")][0].count >= 64)' 'and sums beside events'
	ends_like sums 0 'it ends well'
}

test_patched() {
	json_ok "$out/member.stdout" '.live_patched == []' 'no live patch is told of where there is none'
	is "$(cat "$out/patched.status")" 0 'a live patch that comes while it is traced is no fault'
	json_ok "$out/patched.stdout" '.verdict == "consistent" and .live_patched == ["secretmem_release"]' \
		'and what it replaced stands in the verdict'
}

test_clients() {
	case_is interrupted 2 'interrupted before the sensors were armed' 'a client of a silent daemon can be interrupted'
	case_is squatted 4 '/tmp/squatted.sock: served by user 1001, who is neither root nor you: not trusted' \
		'who serves is looked at'
	case_is skew 2 'speaks version 99 of its protocol, this gmemtrace .* version [0-9]+: update gmemtrace' \
		'another version is named'
	case_is nobody 4 '/tmp/nobody.sock: no gmemtraced serves it: No such file or directory' \
		'a socket that was named is not replaced by anything else'
}

hostile=$top/build/tests/vm/hostile
terminal=$top/build/tests/vm/terminal
require_build build/tests/vm/hostile guest-programs
require_build build/tests/vm/terminal guest-programs
build_with_less
tic -x -o "$test_work" "$here/terminal.ti" || skip_all 'tic is missing (Debian package: ncurses-bin)'
stock_there "${GMEMTRACE_LAB_KERNEL:-gmem}" || end_tests print-plan
guest --kernel "${GMEMTRACE_LAB_KERNEL:-gmem}" --timeout 480 --add "$hostile" --add "$terminal" --add "$test_work/g/gmemtrace-test" --add "$with_less" --add "$here/daemon.guest" -- \
	sh /bin/daemon.guest
status_is 0 'the guest ran all cases'
test_attacks
test_ends
test_past
test_watched
test_left_out
test_sums
test_filters
test_four
test_patched
test_clients
no_splat 'no splat in all of that'
end_tests print-plan

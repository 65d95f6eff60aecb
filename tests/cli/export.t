#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmemtrace export: lines that obey their schema, a trace that others' decoder reads, and captures that lack something.
# Nobody packages all of Perfetto's own schema for Debian 12, so upstream's field numbers stand here, and protoc decodes
# with them. What a track event is, Chromium knows from Perfetto itself: it must read ours as we mean it.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

tracer=$top/build/bin/gmemtrace
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
cd "$test_work" || exit 1

# obeys FILE: what of its lines does not obey `schema`; how many there were.
obeys() {
	python3 - schema "$1" <<-'E'
		import json, sys
		import jsonschema
		schema = json.load(open(sys.argv[1]))
		validator = jsonschema.Draft202012Validator(schema)
		validator.check_schema(schema)
		lines = open(sys.argv[2]).read().splitlines()
		for line in lines:
		    error = next(validator.iter_errors(json.loads(line)), None)
		    if error:
		        print(line[:120], error.message[:200])
		print(len(lines))
	E
}

"$tracer" export --schema >schema
is "$?" 0 'there is a schema'
for capture in flushes hostile violated consistent; do
	"$tracer" export --format ndjson $capture.cap >lines
	is "$?" 0 "$capture: lines, whatever the verdict is"
	is "$(obeys lines)" "$(wc -l <lines)" 'each obeys the schema'
done
is "$("$tracer" export --format ndjson violated.cap | jq -r 'select(.type == "violation" or .type == "end") | .rule // .verdict' | sort -u | paste -sd ' ')" \
	"$("$tracer" check --json violated.cap | jq -r '[.violations[].rule, .verdict] | unique | join(" ")')" 'violations and the verdict are in it'
is "$("$tracer" export --format ndjson flushes.cap | jq -s '[.[] | select(.type == "flush")] | [length, (map(.end - .begin) | add)] | join(" ")' -r)" \
	"$("$tracer" latency --json flushes.cap | jq -r '.rows[] | select(.key == "flush") | "\(.count) \(.sum_ns)"')" \
	'flushes, and their time, are those of latency'
jq -c '.more = 1' lines >broken
obeys broken >wrong
file_like wrong 'not valid under any' 'a key that is not in it is found'
head -n 1 lines | jq -c '.time = -1' >broken
obeys broken >wrong
file_like wrong 'not valid under any' 'so is a time before all time'

# Upstream's: protos/perfetto/trace/{trace_packet,clock_snapshot}.proto, track_event/*.proto, interned_data.proto.
pinned='Trace.packet 1
TracePacket.clock_snapshot 6
TracePacket.timestamp 8
TracePacket.trusted_packet_sequence_id 10
TracePacket.track_event 11
TracePacket.interned_data 12
TracePacket.sequence_flags 13
TracePacket.timestamp_clock_id 58
TracePacket.track_descriptor 60
Clock.clock_id 1
Clock.timestamp 2
ClockSnapshot.clocks 1
ClockSnapshot.primary_trace_clock 2
TrackDescriptor.uuid 1
TrackDescriptor.name 2
TrackDescriptor.parent_uuid 5
TrackEvent.TYPE_UNSPECIFIED 0
TrackEvent.TYPE_SLICE_BEGIN 1
TrackEvent.TYPE_SLICE_END 2
TrackEvent.TYPE_INSTANT 3
TrackEvent.debug_annotations 4
TrackEvent.type 9
TrackEvent.track_uuid 11
TrackEvent.categories 22
TrackEvent.name 23
TrackEvent.flow_ids 47
TrackEvent.terminating_flow_ids 48
DebugAnnotation.uint_value 3
DebugAnnotation.int_value 4
DebugAnnotation.string_value 6
DebugAnnotation.name 10
DebugAnnotation.string_value_iid 17
InternedData.debug_annotation_string_values 29
InternedString.iid 1
InternedString.str 2'
is "$(awk '/^ *message|^\tmessage/ { inside = $2; if (/^message/) outer = $2; next }
	/^\t}/ { inside = outer; next }
	/ = [0-9]+;/ { sub(/;.*/, ""); name = $(NF - 2); print (/TYPE_/ ? "TrackEvent" : inside) "." name, $NF }' \
	"$top/src/export/perfetto.proto")" "$pinned" "the numbers are upstream's"
is "$(grep -oE 'fixed64 [a-z_]*flow_ids' "$top/src/export/perfetto.proto" | wc -l)" 2 'flows are of fixed size, as there'

"$tracer" export --format perfetto -o trace flushes.cap
is "$? $(protoc --decode_raw <trace >raw && grep -cE '^1 \{' raw)" \
	"0 $(protoc --proto_path="$top/src/export" --decode=perfetto.Trace perfetto.proto <trace | tee decoded | grep -c '^packet {')" \
	'a decoder that knows no names finds as many packets'
is "$(grep -cE '^ +[0-9]+[ :]' decoded)" 0 'and one that does knows all of them'
is "$(grep -c 'type: TYPE_SLICE_BEGIN' decoded)" "$(grep -c 'type: TYPE_SLICE_END' decoded)" 'what begins ends'
is "$(grep -cE '^    flow_ids' decoded) $(grep -cE 'terminating_flow_ids' decoded)" '400 400' 'a flow an answer'
is "$(grep -oE 'name: "(CPU|VM) [^"]*"|name: "lost"' decoded | sort -u | paste -sd ' ')" \
	'name: "CPU 0" name: "CPU 1" name: "VM 100 (vmm)" name: "lost"' 'a track a CPU, one a VM, one of losses'
succeeds 'a loss has its length' grep -q 'name: "lost: untimed"' decoded
# track_events FILE: of what protoc decoded, those alone.
track_events() {
	awk '/^  track_event \{/ { inside = 1 } inside; /^  }/ { inside = 0 }' "$1"
}
# theirs_reads NAME: "NUMBER of our track events", and whether Perfetto's own description reads each as ours does.
theirs_reads() {
	protoc --descriptor_set_in=perfetto.set --proto_path=. --decode=theirs.Trace theirs.proto <trace >theirs
	track_events theirs >their_events
	track_events decoded >our_events
	is "$(grep -c '^  track_event' their_events) $(grep -cE '^ +[0-9]+[ :]' their_events)" \
		"$(grep -c '^  track_event' our_events) 0" "$1: Perfetto's own description knows each track event, and all of it"
	succeeds 'and reads it as ours does' cmp their_events our_events
}
chromium=/usr/lib/chromium/chromium
if "$top/tests/cli/perfetto-schema" "$chromium" >perfetto.set 2>"$stderr"; then
	cat >theirs.proto <<-'E'
		syntax = "proto2";
		package theirs;
		import "protos/perfetto/trace/track_event/track_event.proto";
		message Trace { repeated Packet packet = 1; }
		message Packet { optional .perfetto.protos.TrackEvent track_event = 11; }
	E
	theirs_reads flushes
	"$tracer" export --format perfetto -o trace violated.cap
	protoc --proto_path="$top/src/export" --decode=perfetto.Trace perfetto.proto <trace >decoded
	theirs_reads violated
	sed 's/optional string name = 23/optional string name = 24/' "$top/src/export/perfetto.proto" >other.proto
	protoc --proto_path=. --decode=perfetto.Trace other.proto <trace >decoded
	track_events decoded >our_events
	is "$(cmp -s their_events our_events; echo $?)" 1 'another number would be found'
else
	skip 5 "$(head -n 1 "$stderr")"
fi
"$tracer" export --format perfetto violated.cap | protoc --proto_path="$top/src/export" --decode=perfetto.Trace perfetto.proto >decoded
is "$(grep -A1 -c 'categories: "violation"' decoded) $(grep -c 'type: TYPE_INSTANT' decoded)" "$("$tracer" check --json violated.cap |
	jq -r '"\(.violations | length) \((.violations | length) + (.notes | length))"')" 'violations are moments'
"$tracer" export --format perfetto hostile.cap | protoc --proto_path="$top/src/export" --decode=perfetto.Trace perfetto.proto >decoded
is "$?" 0 'a name that is markup is text'

# Captures that lack something.
"$tracer" export --format ndjson consistent.cap >lines 2>said
is "$(grep -c . said)" 0 "flushes of the verdict's sensors are some"
head -c 300 consistent.cap >cut.cap
"$tracer" export --format ndjson cut.cap >lines 2>said
is "$? $(grep -c '"type":"end"' lines) $(grep -c 'no flush is in it: record --flushes has all' said)" '0 1 1' 'one that is cut: its end is said, and that no flush is in it'
is "$(jq -r 'select(.type == "end") | "\(.ended) \(.verdict)"' lines)" 'false inconclusive' 'as such'
head -c 20 consistent.cap >nothing.cap
"$tracer" export --format perfetto -o trace nothing.cap 2>said
is "$? $(grep -c . said)" '2 1' 'one that is cut in its head is an error'
printf x | dd of=consistent.cap bs=1 seek=600 conv=notrunc 2>/dev/null
"$tracer" export --format ndjson consistent.cap >lines 2>said
is "$? $(tail -n 1 lines | jq -r '.type')" '2 end' 'so is one that is damaged; what stands before is exported'
"$tracer" export --format ndjson flushes.cap 2>said | head -n 1 >lines
is "${PIPESTATUS[0]} $(grep -c write said)" '0 0' 'nobody who reads the rest is no error'
for words in '' '--format json' '--format'; do
	# shellcheck disable=SC2086
	"$tracer" export $words flushes.cap >lines 2>said
	is "$? $(grep -c . said)" '64 1' "export $words: refused"
done
# A capture for a bug report: of CMD and its tasks no name is left, and every rule says the same.
same='del(.facts, .command) | [.. | objects | del(.comm)] | length, ([.. | .rule?, .verdict?, .count?, .pgoff_first?] | map(select(. != null)))'
"$top/build/tests/make-captures" "$test_work" || exit 1
for capture in violated consistent flushes hostile; do
	"$tracer" export --format capture --redact -o redacted.cap $capture.cap 2>"$stderr"
	is "$?" 0 "$capture: a redacted capture"
	is "$("$tracer" check --json redacted.cap 2>"$stderr" | jq -c "$same")" "$("$tracer" check --json $capture.cap 2>"$stderr" | jq -c "$same")" 'is judged the same'
	"$tracer" export --format ndjson redacted.cap >redacted 2>"$stderr"
	"$tracer" export --format ndjson --redact $capture.cap >lines 2>"$stderr"
	succeeds 'and is what the lines are of' cmp redacted lines
	"$tracer" export --format ndjson $capture.cap 2>"$stderr" |
		jq -r '.command // empty, (.. | .comm? // empty)' | sort -u >names
	is "$(grep -v '^$' names | grep -cFf - redacted)" 0 'no name of its own is left'
done
succeeds 'there was one' grep -q . names
"$tracer" export --format capture flushes.cap >"$stdout" 2>"$stderr"
is "$? $(grep -c 'not for a stream: give -o FILE' "$stderr")" '64 1' 'a capture is no stream'
"$tracer" export --format capture -o flushes.cap flushes.cap 2>"$stderr"
is "$? $(grep -c 'the capture is there' "$stderr")" '64 1' 'nor written over itself'
"$tracer" export --format capture -o /proc/none/x flushes.cap 2>"$stderr"
is "$? $(grep -c 'cannot write a capture' "$stderr")" '2 1' 'where none can be, one line says so'
end_tests print-plan

# What is measured, in which phase of which run, against which target.
# shellcheck shell=bash disable=SC2034  # read by tests/bench/run

# name | phase | clock | unit | target or - | hooks
# Clock: routine (kvm_gmem_set_direct_map, by its tracepoint), ioctl (the whole of it), ratio (of wall times);
# thread (the traced path alone), monotonic (everything that ran meanwhile: the tracer's reader too).
figures=(
	"record_full|verdict|thread|instructions/transition|890|verdict"
	"record_full_monotonic|verdict|monotonic|instructions/transition|-|verdict"
	"record_empty|empty|thread|instructions/transition|-|three empty programs at the same hooks"
	"record_full_vs_empty|full_vs_empty|ratio|of what empty programs add|-|verdict"
	"record_page_free|verdict_free|thread|instructions/transition|-|verdict, page free"
	"record_page_free_monotonic|verdict_free|monotonic|instructions/transition|-|verdict, page free"
	"record_request|requests|thread|instructions/page|-|verdict"
	"record_request_monotonic|requests|monotonic|instructions/page|-|verdict"
	"record_left_out|left_out|thread|instructions/page|-|verdict, left out by --comm"
	"record_left_out_monotonic|left_out|monotonic|instructions/page|-|verdict, left out by --comm"
	"record_latency|latency|thread|instructions/transition|900|verdict, flushes"
	"record_answer|answers|size|instructions/CPU|250|verdict, flushes"
	"record_check_answers|witness|thread|instructions/transition|-|verdict, witness"
	"record_check_answer|witness_answers|size|instructions/CPU|-|verdict, witness"
	"record_latency_changes|latency_changes|thread|instructions/transition|-|verdict, flushes, changes"
	"record_summary|summary|thread|instructions/transition|860|summary: exposures, durations"
	"record_summary_exposure|summary_exposure|thread|instructions/transition|680|summary: exposures"
	"record_latency_stacks|latency_stacks|thread|instructions/transition|-|verdict, flushes, stacks"
	"peer_trace_cmd|trace_cmd|thread|instructions/transition|-|trace-cmd function_graph, two functions"
	"peer_trace_cmd_monotonic|trace_cmd|monotonic|instructions/transition|-|trace-cmd function_graph, two functions"
	"peer_kprobes|kprobes|thread|instructions/transition|-|four ftrace kprobe events, nobody reads"
	"peer_kprobes_monotonic|kprobes|monotonic|instructions/transition|-|four ftrace kprobe events, nobody reads"
	"peer_bpftrace|bpftrace|thread|instructions/transition|-|bpftrace, four printf"
	"peer_bpftrace_monotonic|bpftrace|monotonic|instructions/transition|-|bpftrace, four printf"
	"page_free_added|page_free|thread|instructions/page|-|verdict, page free"
	"snapshot_page|snapshot_contiguous|chunk|instructions/page|200|verdict"
	"snapshot_page_scattered|snapshot_scattered|chunk|instructions/page|-|verdict"
	"verified_instructions_max|verified|load|instructions/program|100000|verdict"
	"map_leaf|map|monotonic|instructions/entry|60|none"
	"map_leaf_split|map_split|monotonic|instructions/entry|60|none"
	"load_memory|memory|load|bytes|67108864|verdict"
	"record_reader|reader|monotonic|instructions/transition|1500|verdict"
	"daemon_idle|daemon|ratio|% of a core, 1e9 instr./s|0.5|verdict"
	"daemon_idle_judged|daemon_judged|ratio|% of a core, 1e9 instr./s|-|verdict, judged"
	"daemon_idle_memory|daemon_memory|size|bytes|67108864|verdict, judged"
	"replay_rate|replay|wall|records/s|-|none"
	"replay_vs_trace_cmd|compare|ratio|trace-cmd report/check|18|none"
	"report_html_10m|reports.html|cpu|s, processor time|10|none"
	"report_html_10m_memory|reports.html_memory|size|bytes|314572800|none"
	"report_html_10m_size|reports.html_size|size|bytes|5242880|none"
	"report_html_10m_opens|reports.html_opens|wall|ms|2000|none"
	"folded_vs_perf|reports.folded|ratio|perf script, awk/flame|5|none"
	"memory_1tib_uniform|model.uniform|size|bytes|1048576|none"
	"memory_1tib_runs|model.runs|size|bytes, of 64 GiB times 16|67108864|none"
	"memory_scattered|model.scattered|size|bytes/page|12|none"
	"live_draw_100|draw.100|size|instructions/drawing|5000000|none"
	"live_draw_1000|draw.1000|size|instructions/drawing|20000000|none"
	"capture_bytes_page|life|size|bytes/page|40|verdict, page free"
	"convert_steady|icount.steady.private|routine|instructions/page|45|none"
	"convert_steady_shared|icount.steady.shared|routine|instructions/page|120|none"
	"convert_first|icount.first.private|routine|instructions/page|150|none"
	"convert_scattered|icount.scattered.private|routine|instructions/page|300|none"
	"convert_scattered_shared|icount.scattered.shared|routine|instructions/page|300|none"
	"convert_unfaulted|icount.unfaulted.private|routine|instructions/page|2|none"
	"convert_unfaulted_shared|icount.unfaulted.shared|routine|instructions/page|2|none"
	"convert_one|icount.one.call|routine|instructions/call|9000|none"
	"convert_ioctl|icount.ioctl.private|ioctl|instructions/page|250|none"
	"convert_ioctl_shared|icount.ioctl.shared|ioctl|instructions/page|250|none"
	"convert_literal|icount.literal.private|routine|instructions/page|-|none"
	"convert_literal_shared|icount.literal.shared|routine|instructions/page|-|none"
	"convert_step_xarray|icount.steps.xarray|routine|instructions/page|-|none"
	"convert_step_walk|icount.steps.walk|routine|instructions/page|-|none"
	"convert_step_table|icount.steps.table|routine|instructions/page|-|none"
	"convert_step_flush|icount.steps.flush|routine|instructions/page|-|none"
	"convert_flushes|icount.steps.flushes|routine|flushes/call|1|none"
	"fault_batched|icount.batched.populate|ioctl|instructions/page|-|none"
	"fault_batched_unflagged|icount.batched_unflagged.populate|ioctl|instructions/page|-|none"
	"fault_batched_flushes|icount.batches.flushes|ioctl|flushes/512 pages|1|none"
	"fault_single|icount.single.single|ioctl|instructions/page|-|none"
	"fault_single_unflagged|icount.single_unflagged.single|ioctl|instructions/page|-|none"
	"fault_prepared|icount.prepared.prepared|ioctl|instructions/page|-|none"
	"fault_configure_idle|icount.idle_added.single|ioctl|instructions/page|60|none"
	"fault_single_added|icount.single_added.single|ioctl|instructions/page|350|none"
	"free_added|icount.free_added.punch|ioctl|instructions/page|60|none"
	"free_cleared|icount.free_cleared.punch|ioctl|instructions/page|-|none"
	"free_clear_added|icount.free_clear.added|ioctl|instructions/page|20|none"
	"convert_8cpu_vs_noflush|wall.8cpu_vs_noflush.median|ratio|ours/noflush|1.1|none"
	"convert_8cpu_vs_noflush_fast|wall.8cpu_vs_noflush.fast|ratio|ours/noflush|1.1|none"
	"convert_2cpu_vs_literal|wall.2cpu_vs_literal.median|ratio|literal/ours|30|none"
	"convert_8cpu_vs_literal|wall.8cpu_vs_literal.median|ratio|literal/ours|100|none"
	"flush_vs_bare|wall.flush.median|ratio|in a call/bare|1.2|none"
	"flush_vs_bare_fast|wall.flush.fast|ratio|in a call/bare|1.2|none"
	"flush_vs_one_page|wall.flush_page.median|ratio|in a call/bare, one page|-|none"
	"fault_batched_vs_noflush|wall.populate.median|ratio|ours/noflush|1.1|none"
	"fault_batched_vs_noflush_fast|wall.populate.fast|ratio|ours/noflush|1.1|none"
	"fault_single_vs_unflagged|wall.single.median|ratio|flagged/unflagged|2|none"
	"fault_random_8cpu_vs_noflush|wall.random.median|ratio|ours/noflush|1.5|none"
	"bind_1tib_vs_stock|wall.bind.median|ratio|flagged/unflagged|1.1|none"
)
mapfile -t -O "${#figures[@]}" figures < <(growth_figures)

# figure_wanted NAME FILTER: the figure of that very name, or all that match the expression.
figure_wanted() {
	[ "$1" = "$2" ] && return
	[[ " ${figures[*]%%|*} " != *" $2 "* && $1 =~ $2 ]]
}

# phases_of FILTER: the phases that the figures with a name like FILTER need, each once, in order.
phases_of() {
	local figure name phase
	for figure in "${figures[@]}"; do
		IFS='|' read -r name phase _ <<<"$figure"
		! figure_wanted "$name" "$1" || echo "$phase"
	done | awk '!seen[$0]++'
}

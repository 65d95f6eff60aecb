// SPDX-License-Identifier: GPL-2.0
/* What a run has lost, and what would have kept it: said by every subcommand. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "run/units.h"

/* What to raise, or else to do. */
static const char *loss_advice(enum record_loss_cause cause)
{
	switch (cause) {
	case RECORD_LOSS_RING_FULL:
		return "raise --ring";
	case RECORD_LOSS_MISSED:
		return "end other tracers, or trace less at once (--vm, --no-page-free)";
	case RECORD_LOSS_SLOT_COLLISION:
		return "trace fewer tasks at once";
	case RECORD_LOSS_INODE_TABLE_FULL:
		return "trace fewer inodes at once";
	case RECORD_LOSS_SCRATCH_BUSY:
		return "raise --snapshot-interval";
	case RECORD_LOSS_SNAPSHOT_TOO_LARGE:
		return "raise --release-limit";
	case RECORD_LOSS_CLIENT_SLOW:
		return "record less at once, or to a faster disk";
	case RECORD_LOSS_DISORDER:
		return "a CPU was held up for long: try again under less load";
	case RECORD_LOSS_MISSED_FREE:
		return "--no-page-free leaves that out";
	case RECORD_LOSS_BLIND:
		return "leave kernel.ftrace_enabled at 1 and the traced routines alone";
	case RECORD_LOSS_UNHOOKED:
		return "load kvm first, or give --modprobe";
	case RECORD_LOSS_UNTIMED:
		return "figures of flushes lack them: raise --ring, or take fewer stacks "
		       "(--stacks)";
	case RECORD_LOSS_MISSED_TIMES:
		return "figures of flushes lack them: end other tracers";
	case RECORD_LOSS_UNSUMMED:
		return "histograms lack them: two tasks had one place, or CPUs' clocks "
		       "differ";
	case RECORD_LOSS_UNWITNESSED:
		return "which CPUs answered is not known of them: try again with fewer tasks";
	case RECORD_LOSS_NONE:
		break;
	}
	return "recorded by a newer version: its manual says more";
}

static void loss_print(const struct run_result *result, enum record_loss_cause cause,
		       uint64_t count)
{
	char size[UNITS_MAX];

	if (cause == RECORD_LOSS_RING_FULL && result->ring_bytes)
		output_line("lost %" PRIu64 ", %s: %s (it was %s)", count, record_loss_name(cause),
			    loss_advice(cause), units_size(size, result->ring_bytes));
	else
		output_line("lost %" PRIu64 ", %s: %s", count, record_loss_name(cause),
			    loss_advice(cause));
}

static void losses_print(const struct model *model, const struct run_result *result)
{
	struct model_counts counts;

	model_count(model, &counts);
	for (size_t i = 0; i < sizeof(counts.lost_by_cause) / sizeof(counts.lost_by_cause[0]);
	     i++) {
		if (counts.lost_by_cause[i])
			loss_print(result, (enum record_loss_cause)i, counts.lost_by_cause[i]);
	}
	if (result->elsewhere)
		output_line("lost %" PRIu64 " of what the filter leaves out, not counted above",
			    result->elsewhere);
}

void pages_say_none(const struct model *model, uint64_t first)
{
	const struct model_inode *inode = NULL;
	__u64 most = 0;

	while ((inode = model_inode_next(model, inode)))
		most = inode->pages > most ? inode->pages : most;
	if (most && first >= most)
		output_line("--pgoff: no inode has these pages: the largest has %" PRIu64
			    ", 0 to 0x%" PRIx64,
			    (uint64_t)most, (uint64_t)most - 1);
}

enum gmemtrace_status trace_run(struct run *run, struct verdict *verdict, struct run_result *result)
{
	enum gmemtrace_status status = run_source(run, verdict, result);
	__u64 first, last;

	if (status)
		return status;
	losses_print(run_model(run), result);
	if (model_narrowed(run_model(run), &first, &last))
		pages_say_none(run_model(run), first);
	return 0;
}

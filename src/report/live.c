// SPDX-License-Identifier: GPL-2.0
/* The live view's batch lines: what happened between two calls, an inode a line. */
#include "internal.h"

struct live_counts {
	__u64 zapped, restored, flushes, flush_ns, requests, lost;
};

struct report_live {
	const struct model *model;
	struct live_counts *before; /* by position of the inode */
	size_t before_nr;
	__u64 time; /* ns: of the last call */
	__u64 lost, missed;
};

struct report_live *report_live_create(struct model *model)
{
	struct report_live *live = calloc(1, sizeof(*live));

	if (live)
		live->model = model;
	return live;
}

void report_live_free(struct report_live *live)
{
	if (!live)
		return;
	free(live->before);
	free(live);
}

int report_live_heading(FILE *out)
{
	fprintf(out, "%12s %-8s %8s %-16s %9s %9s %9s %8s %9s %9s %9s %9s %6s\n", "TIME_s", "INODE",
		"VM", "COMM", "PAGES", "RESIDENT", "ABSENT", "EXPOSED", "ZAP/s", "RESTORE/s",
		"FLUSH/s", "FLUSH_us", "LOST");
	return report_done(out);
}

static struct live_counts live_read(const struct model_inode *inode)
{
	return (struct live_counts){
		.zapped = inode->zapped,
		.restored = inode->restored,
		.flushes = inode->flushes,
		.flush_ns = inode->flush_ns,
		.requests = inode->requests,
		.lost = inode->lost,
	};
}

static __u64 live_rate(__u64 count, __u64 elapsed)
{
	return elapsed ? (__u64)((double)count * 1e9 / (double)elapsed + 0.5) : count;
}

static bool live_room(struct report_live *live, size_t nr)
{
	struct live_counts *more;

	if (nr <= live->before_nr)
		return true;
	more = realloc(live->before, nr * sizeof(*more));
	if (!more)
		return false;
	memset(more + live->before_nr, 0, (nr - live->before_nr) * sizeof(*more));
	live->before = more;
	live->before_nr = nr;
	return true;
}

static void live_line(FILE *out, const struct model_inode *inode, const struct live_counts *before,
		      __u64 now, __u64 elapsed)
{
	__u64 flushes = inode->flushes - before->flushes;
	__u64 flush_ns = inode->flush_ns - before->flush_ns;
	char name[MODEL_INODE_NAME_MAX], comm[REPORT_COMM_MAX];

	model_inode_name(inode, name, sizeof(name));
	fprintf(out,
		"%8llu.%03llu %-8s %8u %-16s %9llu %9llu %9llu %8llu %9llu %9llu %9llu %9.1f "
		"%6llu\n",
		(unsigned long long)(now / 1000000000), (unsigned long long)(now / 1000000 % 1000),
		name, inode->vm ? inode->vm : inode->tgid, report_comm(inode, comm),
		(unsigned long long)inode->pages, (unsigned long long)inode->resident,
		(unsigned long long)inode->absent, (unsigned long long)inode->exposed,
		(unsigned long long)live_rate(inode->zapped - before->zapped, elapsed),
		(unsigned long long)live_rate(inode->restored - before->restored, elapsed),
		(unsigned long long)live_rate(flushes, elapsed),
		flushes ? (double)flush_ns / (double)flushes / 1000.0 : 0.0,
		(unsigned long long)(inode->lost - before->lost));
}

int report_live_lines(FILE *out, struct report_live *live)
{
	struct model_inode sum = { .number = 0 };
	struct live_counts zero = { 0 };
	const struct model_inode *inode = NULL;
	struct model_counts counts;
	__u64 elapsed;

	model_count(live->model, &counts);
	if (!live->time)
		live->time = counts.started;
	elapsed = counts.now > live->time ? counts.now - live->time : 0;
	for (size_t i = 0; (inode = model_inode_next(live->model, inode)); i++) {
		struct live_counts now = live_read(inode), before;

		if (!live_room(live, i + 1))
			return -ENOMEM;
		before = live->before[i];
		live->before[i] = now;
		if (inode->dead && !memcmp(&now, &before, sizeof(now)))
			continue;
		live_line(out, inode, &before, counts.now, elapsed);
		sum.pages += inode->pages;
		sum.resident += inode->resident;
		sum.absent += inode->absent;
		sum.exposed += inode->exposed;
		sum.zapped += now.zapped - before.zapped;
		sum.restored += now.restored - before.restored;
		sum.flushes += now.flushes - before.flushes;
		sum.flush_ns += now.flush_ns - before.flush_ns;
	}
	/* Losses that nobody could be charged with are in the total only. */
	sum.lost = counts.lost + counts.missed - live->lost - live->missed;
	live->lost = counts.lost;
	live->missed = counts.missed;
	live->time = counts.now;
	memcpy(sum.comm, "total", sizeof("total"));
	live_line(out, &sum, &zero, counts.now, elapsed);
	return report_done(out);
}

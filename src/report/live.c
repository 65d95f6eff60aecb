// SPDX-License-Identifier: GPL-2.0
/* The live view's batch lines: what happened between two calls, an inode a line. */
#include "report/object.h"

struct live_counts {
	__u64 zapped, restored, flushes, flush_ns, requests, lost;
	__u64 pages, resident, absent, exposed;
	bool met, dead;
};

struct report_live {
	const struct model *model;
	struct live_counts *before; /* by position of the inode */
	size_t before_nr;
	__u64 time; /* ns: of the last call */
	__u64 lost, missed;
};

/* What is said of an inode, or of all of them, in one interval. */
struct live_row {
	const struct model_inode *inode; /* NULL: the total */
	__u64 now, elapsed; /* ns */
	struct live_counts counts; /* what is, and what was added in the interval */
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
		.pages = inode->pages,
		.resident = inode->resident,
		.absent = inode->absent,
		.exposed = inode->exposed,
		.met = true,
		.dead = inode->dead,
	};
}

static bool live_same(const struct live_counts *one, const struct live_counts *other)
{
	return one->zapped == other->zapped && one->restored == other->restored &&
	       one->flushes == other->flushes && one->requests == other->requests &&
	       one->lost == other->lost && one->pages == other->pages &&
	       one->resident == other->resident && one->absent == other->absent &&
	       one->exposed == other->exposed && one->met == other->met && one->dead == other->dead;
}

/* What was added since; what is stays what it is. */
static void live_since(struct live_counts *counts, const struct live_counts *before)
{
	counts->zapped -= before->zapped;
	counts->restored -= before->restored;
	counts->flushes -= before->flushes;
	counts->flush_ns -= before->flush_ns;
	counts->requests -= before->requests;
	counts->lost -= before->lost;
}

static void live_add(struct live_counts *sum, const struct live_counts *counts)
{
	sum->zapped += counts->zapped;
	sum->restored += counts->restored;
	sum->flushes += counts->flushes;
	sum->flush_ns += counts->flush_ns;
	sum->requests += counts->requests;
	if (counts->dead)
		return;
	sum->pages += counts->pages;
	sum->resident += counts->resident;
	sum->absent += counts->absent;
	sum->exposed += counts->exposed;
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

static __u32 row_vm(const struct live_row *row)
{
	if (!row->inode)
		return 0;
	return row->inode->vm ? row->inode->vm : row->inode->tgid;
}

static void row_line(FILE *out, const struct live_row *row)
{
	const struct live_counts *counts = &row->counts;
	char name[MODEL_INODE_NAME_MAX], comm[REPORT_COMM_MAX] = "total";

	model_inode_name(row->inode, name, sizeof(name));
	if (row->inode)
		report_comm(row->inode, comm);
	fprintf(out,
		"%8llu.%03llu %-8s %8u %-16s %9llu %9llu %9llu %8llu %9llu %9llu %9llu %9.1f "
		"%6llu\n",
		(unsigned long long)(row->now / 1000000000),
		(unsigned long long)(row->now / 1000000 % 1000), name, row_vm(row), comm,
		(unsigned long long)counts->pages, (unsigned long long)counts->resident,
		(unsigned long long)counts->absent, (unsigned long long)counts->exposed,
		(unsigned long long)live_rate(counts->zapped, row->elapsed),
		(unsigned long long)live_rate(counts->restored, row->elapsed),
		(unsigned long long)live_rate(counts->flushes, row->elapsed),
		counts->flushes ? (double)counts->flush_ns / (double)counts->flushes / 1000.0 : 0.0,
		(unsigned long long)counts->lost);
}

static void row_json(FILE *out, const struct live_row *row)
{
	struct json_object *object = json_object_new_object();
	const struct live_counts *counts = &row->counts;

	add_text(object, "schema", REPORT_LIVE_SCHEMA);
	add_count(object, "time", row->now);
	add_count(object, "interval_ns", row->elapsed);
	add_inode_name(object, row->inode);
	json_object_object_add(object, "vm", vm_json(row->inode));
	if (row->inode) {
		add_text(object, "provider", model_provider_name(row->inode->provider));
		add_flag(object, "dead", row->inode->dead);
	}
	add_count(object, "pages", counts->pages);
	add_count(object, "resident", counts->resident);
	add_count(object, "absent", counts->absent);
	add_count(object, "exposed", counts->exposed);
	add_count(object, "zapped", counts->zapped);
	add_count(object, "restored", counts->restored);
	add_count(object, "requests", counts->requests);
	add_count(object, "flushes", counts->flushes);
	add_count(object, "flush_ns", counts->flush_ns);
	add_count(object, "lost", counts->lost);
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* The rows of all inodes that are to be told of; @sum gets what they come to. */
static int live_rows(FILE *out, struct report_live *live, bool all, struct live_row *sum,
		     void (*write)(FILE *, const struct live_row *))
{
	const struct model_inode *inode = NULL;

	for (size_t i = 0; (inode = model_inode_next(live->model, inode)); i++) {
		struct live_row row = { inode, sum->now, sum->elapsed, live_read(inode) };
		bool same;

		if (!live_room(live, i + 1))
			return -ENOMEM;
		same = live_same(&row.counts, &live->before[i]);
		live_since(&row.counts, &live->before[i]);
		live->before[i] = live_read(inode);
		live_add(&sum->counts, &row.counts);
		if (!same || (all && !inode->dead))
			write(out, &row);
	}
	return 0;
}

static int live_write(FILE *out, struct report_live *live, bool all,
		      void (*write)(FILE *, const struct live_row *))
{
	struct live_row sum = { .inode = NULL };
	struct model_counts counts;
	int error;

	model_count(live->model, &counts);
	if (!live->time)
		live->time = counts.started;
	sum.now = counts.now;
	sum.elapsed = counts.now > live->time ? counts.now - live->time : 0;
	error = live_rows(out, live, all, &sum, write);
	if (error)
		return error;
	/* Losses that nobody could be charged with are in the total only. */
	sum.counts.lost = counts.lost + counts.missed - live->lost - live->missed;
	live->lost = counts.lost;
	live->missed = counts.missed;
	live->time = counts.now;
	write(out, &sum);
	return report_done(out);
}

int report_live_lines(FILE *out, struct report_live *live, bool all)
{
	return live_write(out, live, all, row_line);
}

int report_live_json(FILE *out, struct report_live *live, bool all)
{
	return live_write(out, live, all, row_json);
}

extern const char live_schema[];
__asm__(".pushsection .rodata\n"
	".local live_schema\n"
	"live_schema:\n"
	".incbin \"src/report/live.schema.json\"\n"
	".byte 0\n"
	".popsection\n");

const char *report_live_schema(void)
{
	return live_schema;
}

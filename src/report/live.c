// SPDX-License-Identifier: GPL-2.0
/* The live view's batch lines: what happened between two calls, an inode a line. */
#include <search.h>

#include "gmemtrace/flush.h"
#include "gmemtrace/rules.h"
#include "report/object.h"

/* Exposures of an inode's pages that have ended since the last call. */
struct live_exposures {
	const struct model_inode *inode; /* the key */
	struct flush_histogram histogram;
};

struct live_counts {
	__u64 zapped, restored, flushes, flush_ns, requests, lost;
	__u64 pages, resident, absent, exposed;
	__u64 violations; /* so far */
	bool met, dead;
};

struct report_live {
	const struct model *model;
	const struct verdict *verdict; /* NULL: nobody judges */
	struct live_counts *before; /* by position of the inode */
	size_t before_nr;
	void *exposures; /* tsearch(3): struct live_exposures */
	struct flush_histogram exposed; /* all of them */
	__u64 time; /* ns: of the last call */
	__u64 lost, missed;
};

/* What is said of an inode, or of all of them, in one interval. */
struct live_row {
	const struct model_inode *inode; /* NULL: the total */
	__u64 now, elapsed; /* ns */
	struct live_counts counts; /* what is, and what was added in the interval */
	const struct flush_histogram *exposures; /* NULL: none has ended */
	const char *verdict; /* NULL: nothing was compared, or nobody judges */
};

static int exposures_compare(const void *one, const void *other)
{
	const struct live_exposures *a = one, *b = other;

	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static struct live_exposures *exposures_find(struct report_live *live,
					     const struct model_inode *inode)
{
	const struct live_exposures key = { .inode = inode };
	struct live_exposures *const *found = tfind(&key, &live->exposures, exposures_compare);

	return found ? *found : NULL;
}

/* NULL where memory is short. */
static struct live_exposures *exposures_of(struct report_live *live,
					   const struct model_inode *inode)
{
	struct live_exposures *exposures = exposures_find(live, inode);

	if (exposures)
		return exposures;
	exposures = calloc(1, sizeof(*exposures));
	if (!exposures)
		return NULL;
	exposures->inode = inode;
	if (tsearch(exposures, &live->exposures, exposures_compare))
		return exposures;
	free(exposures);
	return NULL;
}

static void exposures_forget(struct report_live *live)
{
	tdestroy(live->exposures, free);
	live->exposures = NULL;
	live->exposed = (struct flush_histogram){ .count = 0 };
}

/* Where memory is short an inode goes without, and all of them together do not. */
static void on_exposure_ended(void *context, const struct model_exposure *exposure)
{
	struct report_live *live = context;
	struct live_exposures *exposures = exposures_of(live, exposure->inode);
	__u64 ns = exposure->end > exposure->begin ? exposure->end - exposure->begin : 0;

	if (exposures)
		flush_histogram_add(&exposures->histogram, ns, exposure->nr);
	flush_histogram_add(&live->exposed, ns, exposure->nr);
}

struct report_live *report_live_create(struct model *model)
{
	struct report_live *live = calloc(1, sizeof(*live));
	struct model_observer observer = { .context = live, .exposure_ended = on_exposure_ended };

	if (!live)
		return NULL;
	live->model = model;
	if (!model_observe(model, &observer))
		return live;
	free(live);
	return NULL;
}

void report_live_judged(struct report_live *live, const struct verdict *verdict)
{
	live->verdict = verdict;
}

void report_live_free(struct report_live *live)
{
	if (!live)
		return;
	exposures_forget(live);
	free(live->before);
	free(live);
}

int report_live_heading(FILE *out)
{
	fprintf(out, "%12s %-8s %8s %-16s %9s %9s %9s %8s %9s %9s %9s %9s %6s %9s %s\n", "TIME_s",
		"INODE", "VM", "COMM", "PAGES", "RESIDENT", "ABSENT", "EXPOSED", "ZAP/s",
		"RESTORE/s", "FLUSH/s", "FLUSH_us", "LOST", "EXP99_us", "VERDICT");
	return report_done(out);
}

/* Listed ones: those beyond the verdict's limit are counted for no inode. */
static __u64 live_violations(const struct report_live *live, const struct model_inode *inode)
{
	size_t nr = live->verdict ? verdict_violations(live->verdict) : 0;
	__u64 violations = 0;

	for (size_t i = 0; i < nr; i++)
		violations += verdict_violation(live->verdict, i)->inode == inode;
	return violations;
}

/* Of some of its pages alone. */
static void live_narrow(const struct report_live *live, const struct model_inode *inode,
			__u64 first, __u64 last, struct live_counts *counts)
{
	struct model_page_counts within;

	model_count_pages(live->model, inode, first, last, &within);
	counts->zapped = inode->within.zapped;
	counts->restored = inode->within.restored;
	counts->flushes = inode->within.flushes;
	counts->flush_ns = inode->within.flush_ns;
	counts->requests = inode->within.requests;
	counts->pages = within.pages;
	counts->resident = within.resident;
	counts->absent = within.absent;
	counts->exposed = within.exposed;
}

static struct live_counts live_read(const struct report_live *live, const struct model_inode *inode)
{
	struct live_counts counts = {
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
		.violations = live_violations(live, inode),
		.met = true,
		.dead = inode->dead,
	};
	__u64 first, last;

	if (model_narrowed(live->model, &first, &last))
		live_narrow(live, inode, first, last, &counts);
	return counts;
}

static bool live_same(const struct live_counts *one, const struct live_counts *other)
{
	return one->zapped == other->zapped && one->restored == other->restored &&
	       one->flushes == other->flushes && one->requests == other->requests &&
	       one->lost == other->lost && one->pages == other->pages &&
	       one->resident == other->resident && one->absent == other->absent &&
	       one->exposed == other->exposed && one->violations == other->violations &&
	       one->met == other->met && one->dead == other->dead;
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
	sum->violations += counts->violations;
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

static __u64 row_exposure(const struct live_row *row)
{
	return row->exposures ? flush_histogram_quantile(row->exposures, 0.99) : 0;
}

static int row_line(FILE *out, const struct live_row *row)
{
	const struct live_counts *counts = &row->counts;
	char name[MODEL_INODE_NAME_MAX], comm[REPORT_COMM_MAX] = "total";

	model_inode_name(row->inode, name, sizeof(name));
	if (row->inode)
		report_comm(row->inode, comm);
	fprintf(out,
		"%8llu.%03llu %-8s %8u %-16s %9llu %9llu %9llu %8llu %9llu %9llu %9llu %9.1f "
		"%6llu %9.1f %s\n",
		(unsigned long long)(row->now / 1000000000),
		(unsigned long long)(row->now / 1000000 % 1000), name, row_vm(row), comm,
		(unsigned long long)counts->pages, (unsigned long long)counts->resident,
		(unsigned long long)counts->absent, (unsigned long long)counts->exposed,
		(unsigned long long)live_rate(counts->zapped, row->elapsed),
		(unsigned long long)live_rate(counts->restored, row->elapsed),
		(unsigned long long)live_rate(counts->flushes, row->elapsed),
		counts->flushes ? (double)counts->flush_ns / (double)counts->flushes / 1000.0 : 0.0,
		(unsigned long long)counts->lost, (double)row_exposure(row) / 1000.0,
		row->verdict ? row->verdict : "-");
	return 0;
}

static int row_json(FILE *out, const struct live_row *row)
{
	struct json_object *object = json_new();
	const struct live_counts *counts = &row->counts;

	add_text(object, "schema", REPORT_LIVE_SCHEMA);
	add_count(object, "time", row->now);
	add_count(object, "interval_ns", row->elapsed);
	add_inode_name(object, row->inode);
	json_add(object, "vm", vm_json(row->inode));
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
	add_count(object, "exposures", row->exposures ? row->exposures->count : 0);
	add_count(object, "exposure_p99_ns", row_exposure(row));
	add_count(object, "violations", counts->violations);
	json_add(object, "verdict", row->verdict ? json_string(row->verdict) : NULL);
	return json_write(out, object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* So far; what is wrong with its history is known without a comparison. */
static const char *live_verdict(const struct report_live *live, const struct model_inode *inode,
				__u64 violations)
{
	if (!live->verdict)
		return NULL;
	if (violations)
		return "violated";
	return inode->compared ? "consistent" : NULL;
}

/* The total's is the verdict that all of it would get now. */
static const char *live_verdict_all(const struct report_live *live)
{
	return live->verdict ? verdict_value_name(verdict_value(live->verdict)) : NULL;
}

static const struct flush_histogram *live_exposed(struct report_live *live,
						  const struct model_inode *inode)
{
	const struct live_exposures *exposures = exposures_find(live, inode);

	return exposures ? &exposures->histogram : NULL;
}

/* The rows of all inodes that are to be told of; @sum gets what they come to. */
static int live_rows(FILE *out, struct report_live *live, bool all, struct live_row *sum,
		     int (*write)(FILE *, const struct live_row *))
{
	const struct model_inode *inode = NULL;
	int error = 0;

	for (size_t i = 0; !error && (inode = model_inode_next(live->model, inode)); i++) {
		struct live_row row = { .inode = inode,
					.now = sum->now,
					.elapsed = sum->elapsed,
					.counts = live_read(live, inode),
					.exposures = live_exposed(live, inode) };
		struct live_counts counts = row.counts;
		bool same;

		row.verdict = live_verdict(live, inode, counts.violations);

		if (!live_room(live, i + 1))
			return -ENOMEM;
		same = live_same(&row.counts, &live->before[i]);
		live_since(&row.counts, &live->before[i]);
		live->before[i] = counts;
		live_add(&sum->counts, &row.counts);
		if (!same || (all && !inode->dead))
			error = write(out, &row);
	}
	return error;
}

static int live_write(FILE *out, struct report_live *live, bool all,
		      int (*write)(FILE *, const struct live_row *))
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
	sum.exposures = &live->exposed;
	sum.verdict = live_verdict_all(live);
	error = write(out, &sum);
	exposures_forget(live);
	return error ? error : report_done(out);
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

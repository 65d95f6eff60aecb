// SPDX-License-Identifier: GPL-2.0
/* The page of a flush report: what web/ draws, as the JSON that stands in it (web/src/data.md). */
#include "model/plural.h"
#include "report/folded.h"
#include "report/latency_words.h"
#include "report/page.h"

struct report_page {
	struct model *model;
	struct report_folded *folded;
	struct flush_latency *latency;
	struct flush_watch *watch;
	struct page_series series;
	struct page_slowest slowest;
	__u32 vms[PAGE_VMS_MAX]; /* pids */
	char vm_comms[PAGE_VMS_MAX][REPORT_COMM_MAX];
	size_t vms_nr;
	size_t stacks_left; /* out of the flame graphs */
	bool stacks_nameless;
	const char *verdict; /* its name; NULL: not judged */
};

/* web/'s one file; empty where it was built without npm. */
extern const char page_start[], page_end[];
__asm__(".pushsection .rodata\n"
	".local page_start, page_end\n"
	"page_start:\n"
	".incbin \"build/page.html\"\n"
	"page_end:\n"
	".byte 0\n"
	".popsection\n");
#define DATA_MARK "@DATA@"

static __u32 page_vm(struct report_page *page, const struct model_inode *inode)
{
	__u32 pid = inode->vm ? inode->vm : inode->tgid;
	size_t at = 0;

	while (at < page->vms_nr && page->vms[at] != pid)
		at++;
	if (at == PAGE_VMS_MAX)
		return PAGE_VMS_MAX - 1;
	if (at == page->vms_nr) {
		page->vms[page->vms_nr++] = pid;
		report_comm(inode, page->vm_comms[at]);
	}
	return (__u32)at;
}

/* The first time that is met is the run's begin. */
static void page_began(struct report_page *page)
{
	struct model_counts counts;

	if (page->series.begin)
		return;
	model_count(page->model, &counts);
	page->series.begin = counts.started;
}

static void page_flushed(void *context, const struct flush_seen *flush)
{
	struct report_page *page = context;

	page_began(page);
	slowest_take(&page->slowest, flush);
	if (flush->kind != FLUSH_OURS)
		series_flush(&page->series, flush->begin, flush->end);
}

static void page_exposed(void *context, const struct model_exposure *exposure)
{
	struct report_page *page = context;

	page_began(page);
	series_exposure(&page->series, exposure->begin, exposure->end, exposure->nr,
			page_vm(page, exposure->inode));
}

static void page_doubted(void *context, const struct model_doubt *doubt)
{
	struct report_page *page = context;

	page_began(page);
	if (doubt->until >= page->series.begin)
		series_lost(&page->series, doubt->since, doubt->until);
}

struct report_page *report_page_create(struct model *model)
{
	struct report_page *page = calloc(1, sizeof(*page));
	const struct flush_observer flushes = { .context = page, .seen = page_flushed };
	const struct model_observer observer = {
		.context = page,
		.exposure_ended = page_exposed,
		.doubt = page_doubted,
		.lost_besides = page_doubted,
	};
	size_t before = model_observers(model);

	if (!page)
		return NULL;
	page->model = model;
	page->folded = report_folded_create(model);
	if (page->folded)
		folded_without_cpus(page->folded);
	page->latency = flush_latency_create(model, NULL);
	page->watch = flush_watch_create(model, &flushes);
	if (page->folded && page->latency && page->watch && !model_observe(model, &observer))
		return page;
	model_observers_drop(model, before);
	report_page_free(page);
	return NULL;
}

void report_page_free(struct report_page *page)
{
	if (!page)
		return;
	report_folded_free(page->folded);
	flush_latency_free(page->latency);
	flush_watch_free(page->watch);
	free(page);
}

void report_page_verdict(struct report_page *page, enum verdict_value value)
{
	page->verdict = verdict_value_name(value);
}

static struct json_object *run_json(const struct report_page *page)
{
	struct json_object *object = json_new();
	struct flush_totals totals;
	struct model_counts counts;
	const char *fact;

	flush_latency_totals(page->latency, &totals);
	model_count(page->model, &counts);
	add_count(object, "duration_ns", totals.span);
	add_count(object, "cpus", totals.cpus);
	fact = model_fact_find(page->model, "kernel.release");
	json_add(object, "kernel", words_json(fact ? fact : "an unknown kernel"));
	fact = model_fact_find(page->model, "tool.version");
	json_add(object, "tool", words_json(fact ? fact : "of unknown version"));
	add_count(object, "ceiling_pages", totals.ceiling);
	add_count(object, "lost", counts.lost);
	add_count(object, "missed", counts.missed);
	add_count(object, "untimed", totals.lost);
	/* Where no inode was met there was nothing to judge. */
	if (page->verdict && counts.inodes)
		add_text(object, "verdict", page->verdict);
	else
		json_add(object, "verdict", NULL);
	return object;
}

static struct json_object *limits_json(const struct report_page *page)
{
	struct json_object *limits = json_list();
	struct flush_totals totals;
	const char *missing;
	char words[160];

	flush_latency_totals(page->latency, &totals);
	for (size_t i = 0; (missing = latency_missing(&totals, i)); i++)
		json_append(limits, json_string(missing));
	if (page->slowest.cpus_more) {
		snprintf(words, sizeof(words), "who waited for whom is of CPUs below %d",
			 PAGE_CPUS_MAX);
		json_append(limits, json_string(words));
	}
	if (page->series.points_every > 1) {
		snprintf(words, sizeof(words), "of exposures one in %llu is drawn",
			 (unsigned long long)page->series.points_every);
		json_append(limits, json_string(words));
	}
	if (totals.stacks_lost + totals.stacks_collided) {
		snprintf(words, sizeof(words),
			 "stacks that were due and could not be taken: %llu ([stack_lost], "
			 "[stack_collided])",
			 (unsigned long long)(totals.stacks_lost + totals.stacks_collided));
		json_append(limits, json_string(words));
	}
	if (page->stacks_nameless)
		json_append(limits,
			    json_string("[unknown] are routines whose names could not be read: "
					"kernel.kptr_restrict was 2, or their module had gone"));
	if (page->stacks_left) {
		snprintf(
			words, sizeof(words),
			"the flame graphs have the %d stacks that took most; [others] are %zu more",
			PAGE_LINES_MAX, page->stacks_left);
		json_append(limits, json_string(words));
	}
	if (totals.never) {
		snprintf(words, sizeof(words), "%llu %s not covered by any flush",
			 (unsigned long long)totals.never,
			 plural_of(totals.never, "page was", "pages were"));
		json_append(limits, json_string(words));
	}
	return limits;
}

static struct json_object *vms_json(const struct report_page *page)
{
	struct json_object *vms = json_list();

	for (size_t i = 0; i < page->vms_nr; i++) {
		struct json_object *vm = json_new();

		add_count(vm, "pid", page->vms[i]);
		add_text(vm, "comm", page->vm_comms[i]);
		json_append(vms, vm);
	}
	return vms;
}

static struct json_object *class_json(const struct flush_row *row)
{
	const struct flush_histogram *histogram = row->histogram;
	struct json_object *object = json_new();

	add_text(object, "name", row->name);
	add_count(object, "count", histogram->count);
	add_count(object, "sum_ns", histogram->sum);
	add_count(object, "p50_ns", flush_histogram_quantile(histogram, 0.5));
	add_count(object, "p90_ns", flush_histogram_quantile(histogram, 0.9));
	add_count(object, "p99_ns", flush_histogram_quantile(histogram, 0.99));
	add_count(object, "p999_ns", flush_histogram_quantile(histogram, 0.999));
	add_count(object, "max_ns", histogram->count ? histogram->max : 0);
	return object;
}

static void buckets_add(struct json_object *list, const struct flush_histogram *histogram,
			size_t index)
{
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		__u64 low = flush_bucket_first(i), high = flush_bucket_first(i + 1);
		struct json_object *bucket;

		if (!histogram->buckets[i])
			continue;
		bucket = json_new();
		add_count(bucket, "class", index);
		add_count(bucket, "low_ns", low);
		add_count(bucket, "high_ns", high);
		add_count(bucket, "count", histogram->buckets[i]);
		add_count(bucket, "sum_ns", (low + (high - low) / 2) * histogram->buckets[i]);
		json_append(list, bucket);
	}
}

/* Flushes by how much they flush. */
static void classes_add(struct json_object *report, const struct report_page *page)
{
	static const char *const keys[] = { "flush.one", "flush.few", "flush.everything" };
	struct json_object *classes = json_list();
	struct json_object *buckets = json_list();
	struct flush_row row;

	for (size_t i = 0; flush_latency_row(page->latency, i, &row); i++) {
		for (size_t class = 0; class < sizeof(keys) / sizeof(keys[0]); class ++) {
			if (strcmp(row.key, keys[class]) != 0 || !row.histogram->count)
				continue;
			buckets_add(buckets, row.histogram, json_length(classes));
			json_append(classes, class_json(&row));
		}
	}
	json_add(report, "classes", classes);
	json_add(report, "histogram", buckets);
}

static struct json_object *largest_json(const struct report_page *page)
{
	struct json_object *object;
	struct flush_sum sum;

	if (!flush_latency_sum(page->latency, FLUSH_CAUSES, 0, &sum) || !sum.ns)
		return NULL;
	object = json_new();
	add_text(object, "kind", latency_size((enum flush_size)sum.bits));
	add_text(object, "operation", sum.cpu ? model_operation_name(sum.cpu) : "no request");
	add_count(object, "count", sum.count);
	add_count(object, "sum_ns", sum.ns);
	return object;
}

static int report_fill(struct json_object *report, struct report_page *page, const char *title)
{
	struct page_graphs graphs = { 0 };
	int error = graphs_make(&graphs, page->folded);

	if (error)
		return error;
	json_add(report, "frames", graphs.frames);
	json_add(report, "flame", graphs.list);
	page->stacks_left = graphs.left;
	page->stacks_nameless = graphs.nameless;
	add_text(report, "schema", "gmemtrace-flush-1");
	json_add(report, "title", words_json(title));
	json_add(report, "run", run_json(page));
	json_add(report, "limits", limits_json(page));
	json_add(report, "vms", vms_json(page));
	classes_add(report, page);
	json_add(report, "largest", largest_json(page));
	json_add(report, "exposure", series_points_json(&page->series));
	json_add(report, "timeline", series_steps_json(&page->series));
	json_add(report, "matrix", slowest_matrix_json(&page->slowest));
	json_add(report, "slowest", slowest_json(&page->slowest, page->series.begin));
	return 0;
}

/* In a script element "<" could end it; in JSON it can stand as its number everywhere. */
static void data_write(FILE *out, const char *json)
{
	while (*json) {
		size_t length = strcspn(json, "<");

		fwrite(json, 1, length, out);
		json += length;
		if (*json) {
			fputs("\\u003c", out);
			json++;
		}
	}
}

static bool page_built(void)
{
	return strstr(page_start, DATA_MARK);
}

int page_write_report(FILE *out, struct json_object *report)
{
	const char *mark = strstr(page_start, DATA_MARK), *data;

	if (!mark)
		return -EOPNOTSUPP;
	data = json_text(report, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!data)
		return -ENOMEM;
	fwrite(page_start, 1, (size_t)(mark - page_start), out);
	data_write(out, data);
	fputs(mark + strlen(DATA_MARK), out);
	return report_done(out);
}

int report_page_write(FILE *out, struct report_page *page, const char *title)
{
	struct json_object *report;
	int error;

	if (!page_built())
		return -EOPNOTSUPP;
	flush_watch_finish(page->watch);
	flush_latency_finish(page->latency);
	if (flush_watch_failed(page->watch))
		return -ENOMEM;
	report = json_new();
	error = report_fill(report, page, title);
	if (!error)
		error = page_write_report(out, report);
	json_object_put(report);
	return error;
}

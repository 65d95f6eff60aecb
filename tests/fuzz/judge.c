// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sanitizer/allocator_interface.h>
#include "gmemtrace/export.h"
#include "gmemtrace/report.h"
#include "judge.h"

/* Of the whole process, the sanitizer's own bookkeeping aside. */
#define MEMORY_BASE (48UL << 20) /* bytes: empty tables, the reader's buffers */
#define MEMORY_FACTOR 256 /* bytes of memory for a byte of records */

/* CPU time under the sanitizers, about ten times what it takes without. */
#define TIME_BASE 2000000UL /* us */
#define TIME_RECORD 400UL /* us */
/* A run over pages that differ may be taken page by page, which takes 0.4 us each, and not more than once. */
#define TIME_PAGES 1UL

struct budget {
	size_t memory; /* bytes in use at the start */
	clock_t start;
	__u64 pages; /* that the records' runs name */
};

static __u64 budget_pages(const struct record_header *record)
{
	switch (record->kind) {
	case RECORD_ZAP:
		return ((const struct record_zap *)(const void *)record)->nr;
	case RECORD_JOIN:
	case RECORD_LEAVE:
		return ((const struct record_owner *)(const void *)record)->nr;
	default:
		return 0;
	}
}

static void budget_check(const struct budget *budget, const struct capture_info *info,
			 const char *what)
{
	size_t memory = __sanitizer_get_current_allocated_bytes();
	unsigned long time = (unsigned long)(clock() - budget->start);

	memory = memory > budget->memory ? memory - budget->memory : 0;
	if (memory > MEMORY_BASE + MEMORY_FACTOR * info->bytes) {
		fprintf(stderr, "bomb: %zu bytes of memory for %llu bytes of records (%s)\n",
			memory, (unsigned long long)info->bytes, what);
		abort();
	}
	if (time > TIME_BASE + TIME_RECORD * info->records + budget->pages / TIME_PAGES) {
		fprintf(stderr, "bomb: %lu us for %llu records of %llu pages (%s)\n", time,
			(unsigned long long)info->records, (unsigned long long)budget->pages, what);
		abort();
	}
}

static FILE *nowhere(void)
{
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "w");
	if (!null)
		abort();
	return null;
}

/*
 * What is written while records are read, and the page: of what nobody has checked. Of one capture
 * in four, as they cost as much as the rest; the first is one, so what is found is found again alone.
 */
#define WRITERS_EVERY 4

struct writers {
	struct exporter *lines, *trace;
	struct report_page *page;
};

static void writers_make(struct writers *writers, struct model *model)
{
	static unsigned int turn;

	*writers = (struct writers){ 0 };
	if (turn++ % WRITERS_EVERY)
		return;
	writers->lines = export_create(model, EXPORT_NDJSON, nowhere());
	writers->trace = export_create(model, EXPORT_PERFETTO, nowhere());
	writers->page = report_page_create(model);
	if (!writers->lines || !writers->trace || !writers->page)
		abort();
}

static void writers_end(struct writers *writers, const struct verdict *verdict)
{
	if (!writers->page)
		return;
	export_finish(writers->lines, verdict);
	export_finish(writers->trace, verdict);
	report_page_write(nowhere(), writers->page, "fuzz");
	export_free(writers->lines);
	export_free(writers->trace);
	report_page_free(writers->page);
}

static void reports(const struct verdict *verdict, struct report_live *live,
		    struct report_folded *folded)
{
	const struct report_format *format = NULL;
	FILE *null = nowhere();

	while ((format = report_format_next(format)))
		report_verdict(null, verdict, format, true);
	report_live_lines(null, live, false);
	report_folded_write(null, folded, REPORT_WEIGHT_NS, REPORT_BY_STACK);
	report_folded_write(null, folded, REPORT_WEIGHT_EXPOSURE, REPORT_BY_VM);
}

static void feed(struct capture_reader *reader, struct model *model, struct verdict *verdict,
		 struct budget *budget, struct fuzz_judged *judged)
{
	const struct capture_info *info = capture_info(reader);
	const struct record_header *record;
	struct model_reread reread;
	int got;

	while ((got = capture_next(reader, &record)) > 0) {
		/* At its limit of memory the model judges no further. */
		if (model_feed(model, record))
			break;
		while (record->kind == RECORD_HEARTBEAT && model_next_reread(model, &reread))
			;
		budget->pages += budget_pages(record);
		budget_check(budget, info, record_kind_name(record->kind));
	}
	judged->damaged = got < 0;
	judged->records = info->records;
	judged->whole = !got && !model_failed(model) && !info->incomplete && !info->cut;
	if (!judged->whole)
		verdict_mark_incomplete(verdict, "the capture is not whole");
	model_finish(model);
	budget_check(budget, info, "finish");
}

void fuzz_judge(struct capture_reader *reader, const struct model_options *model_options,
		const struct verdict_options *verdict_options, struct fuzz_judged *judged)
{
	struct budget budget = {
		.memory = __sanitizer_get_current_allocated_bytes(),
		.start = clock(),
	};
	struct model *model = model_create(model_options);
	struct verdict *verdict = verdict_create(model, verdict_options);
	struct report_folded *folded = report_folded_create(model);
	struct report_live *live = report_live_create(model);
	struct writers writers;

	if (!model || !verdict || !folded || !live)
		abort();
	writers_make(&writers, model);
	feed(reader, model, verdict, &budget, judged);
	judged->value = verdict_value(verdict);
	/* What is missing never hides. */
	if (!judged->whole && judged->value == VERDICT_CONSISTENT)
		abort();
	reports(verdict, live, folded);
	writers_end(&writers, verdict);
	budget_check(&budget, capture_info(reader), "reports");
	report_live_free(live);
	report_folded_free(folded);
	verdict_free(verdict);
	model_free(model);
}

// SPDX-License-Identifier: GPL-2.0
/* From a model's observers to a format. */
#include "export/export.h"

struct exporter {
	struct model *model;
	struct flush_watch *watch;
	const struct export_writer *format;
	void *writer;
	FILE *out;
	__u64 flushes;
	bool begun; /* the run was told of */
};

/* Facts come before everything that is told of, but after the exporter was made. */
static void export_begin(struct exporter *exporter)
{
	struct model_counts counts;
	struct export_run run;

	if (exporter->begun)
		return;
	exporter->begun = true;
	model_count(exporter->model, &counts);
	run = (struct export_run){
		.started = counts.started,
		.tool = model_fact_find(exporter->model, "tool.version"),
		.kernel = model_fact_find(exporter->model, "kernel.release"),
		.command = model_fact_find(exporter->model, "command"),
	};
	exporter->format->run(exporter->writer, &run);
}

/* Whoever would read it has gone: nothing more is made of what comes. */
static bool export_wanted(struct exporter *exporter)
{
	export_begin(exporter);
	return !ferror(exporter->out);
}

static void export_inode(void *context, const struct model_inode *inode)
{
	struct exporter *exporter = context;

	if (export_wanted(exporter) && exporter->format->inode)
		exporter->format->inode(exporter->writer, inode);
}

static void export_request(void *context, const struct model_request *request)
{
	struct exporter *exporter = context;

	if (export_wanted(exporter))
		exporter->format->request(exporter->writer, request, 0);
}

static void export_zapped(void *context, const struct model_zap *zap,
			  const struct model_request *request)
{
	struct exporter *exporter = context;

	(void)request;
	if (export_wanted(exporter) && exporter->format->zapped)
		exporter->format->zapped(exporter->writer, zap);
}

static void export_flush(void *context, const struct flush_seen *flush)
{
	struct exporter *exporter = context;

	if (flush->kind == FLUSH_OURS)
		return;
	exporter->flushes++;
	if (export_wanted(exporter))
		exporter->format->flush(exporter->writer, flush);
}

static void export_exposure(void *context, const struct model_exposure *exposure)
{
	struct exporter *exporter = context;

	if (export_wanted(exporter) && exporter->format->exposure)
		exporter->format->exposure(exporter->writer, exposure);
}

static void export_moved(void *context, const struct model_moved *moved)
{
	struct exporter *exporter = context;

	if (export_wanted(exporter) && exporter->format->moved)
		exporter->format->moved(exporter->writer, moved);
}

static void export_lost(void *context, const struct model_doubt *doubt)
{
	struct exporter *exporter = context;

	if (export_wanted(exporter))
		exporter->format->lost(exporter->writer, doubt);
}

struct exporter *export_create(struct model *model, enum export_format format, FILE *out)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	const struct flush_observer flushes = { .context = exporter, .seen = export_flush };
	const struct model_observer observer = {
		.context = exporter,
		.inode_met = export_inode,
		.request_ended = export_request,
		.zapped = export_zapped,
		.exposure_ended = export_exposure,
		.moved = export_moved,
		.doubt = export_lost,
		.lost_besides = export_lost,
	};
	size_t before = model_observers(model);

	if (!exporter)
		return NULL;
	exporter->model = model;
	exporter->out = out;
	exporter->format = format == EXPORT_PERFETTO ? &export_perfetto : &export_ndjson;
	exporter->writer = exporter->format->create(out);
	exporter->watch = flush_watch_create(model, &flushes);
	if (exporter->writer && exporter->watch && !model_observe(model, &observer))
		return exporter;
	model_observers_drop(model, before);
	export_free(exporter);
	return NULL;
}

void export_free(struct exporter *exporter)
{
	if (!exporter)
		return;
	flush_watch_free(exporter->watch);
	if (exporter->writer)
		exporter->format->free(exporter->writer);
	free(exporter);
}

static void causes_write(const struct exporter *exporter, const struct verdict *verdict,
			 report_cause_at at)
{
	const struct verdict_violation *cause;

	for (size_t i = 0; (cause = at(verdict, i)); i++)
		exporter->format->cause(exporter->writer, cause);
}

int export_finish(struct exporter *exporter, const struct verdict *verdict)
{
	struct export_end end = { .verdict = verdict };
	const struct model_request *request;

	flush_watch_finish(exporter->watch);
	export_begin(exporter);
	model_count(exporter->model, &end.counts);
	end.now = end.counts.now;
	end.flushes = exporter->flushes;
	for (size_t i = 0; (request = model_request_open(exporter->model, i)); i++)
		exporter->format->request(exporter->writer, request,
					  end.now > request->begin ? end.now : request->begin);
	if (verdict) {
		causes_write(exporter, verdict, verdict_violation);
		causes_write(exporter, verdict, verdict_allowed);
		causes_write(exporter, verdict, verdict_note);
	}
	exporter->format->end(exporter->writer, &end);
	if (flush_watch_failed(exporter->watch) || exporter->format->failed(exporter->writer))
		return -ENOMEM;
	return report_done(exporter->out);
}

__u64 export_flushes(const struct exporter *exporter)
{
	return exporter->flushes;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What an exporter is made of: events of a run, and the formats that write them. */
#ifndef GMEMTRACE_EXPORT_EXPORT_H
#define GMEMTRACE_EXPORT_EXPORT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/export.h"
#include "gmemtrace/flush.h"
#include "report/internal.h"
#include "report/latency_words.h"

/* Of the run, said once, before all others. */
struct export_run {
	__u64 started; /* ns */
	const char *tool, *kernel, *command; /* NULL not known */
};

/* Of its end. */
struct export_end {
	__u64 now; /* ns */
	const struct verdict *verdict; /* NULL: nobody judged */
	struct model_counts counts;
	__u64 flushes;
};

/*
 * A format. @writer is its own; every member must be there, but those that NULL stands for are left
 * out. Texts of the traced system come as they are: a format makes them fit.
 */
struct export_writer {
	void *(*create)(FILE *out); /* NULL where memory is short */
	void (*free)(void *writer);
	bool (*failed)(const void *writer); /* memory was short */
	void (*run)(void *writer, const struct export_run *run);
	void (*inode)(void *writer, const struct model_inode *inode); /* or NULL */
	/* @now: ns, where it has not ended; else 0. */
	void (*request)(void *writer, const struct model_request *request, __u64 now);
	void (*zapped)(void *writer, const struct model_zap *zap); /* or NULL */
	void (*flush)(void *writer, const struct flush_seen *flush);
	void (*exposure)(void *writer, const struct model_exposure *exposure); /* or NULL */
	void (*moved)(void *writer, const struct model_moved *moved); /* or NULL */
	void (*lost)(void *writer, const struct model_doubt *doubt);
	void (*cause)(void *writer, const struct verdict_violation *cause);
	void (*end)(void *writer, const struct export_end *end);
};

extern const struct export_writer export_ndjson, export_perfetto;

/* The process that a VM is known by, 0 none. */
static inline __u32 export_vm(const struct model_inode *inode)
{
	if (!inode)
		return 0;
	return inode->vm ? inode->vm : inode->tgid;
}

/* present or absent; of a fallocate hole or allocation. */
static inline const char *export_asked(const struct model_request *request)
{
	const char *direction = report_direction(request->operation, request->state, request->mode);

	return direction ? direction : request->state ? "present" : "absent";
}

#endif

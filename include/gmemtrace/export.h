/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a run was, for other tools: a trace for Perfetto, or lines of JSON. Written
 * while the model takes records, so memory does not grow with what is written.
 */
#ifndef GMEMTRACE_EXPORT_H
#define GMEMTRACE_EXPORT_H

#include <stdio.h>
#include "gmemtrace/api.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"

GMEMTRACE_API_BEGIN

#define EXPORT_SCHEMA "gmemtrace-export-1" /* of the lines, named by the first one */

enum export_format {
	EXPORT_NDJSON = 1,
	EXPORT_PERFETTO = 2, /* TracePackets of perfetto.dev, binary */
};

struct exporter;

/* Observes @model, which must outlive it, and writes to @out. NULL where memory is short. */
struct exporter *export_create(struct model *model, enum export_format format, FILE *out);

/*
 * What only the end knows: requests that are still open, and what @verdict, which may be NULL,
 * says. After the model has finished. 0, -ENOMEM, or -EIO where @out has failed.
 */
int export_finish(struct exporter *exporter, const struct verdict *verdict);
void export_free(struct exporter *exporter);

/* Flushes written so far, without the tool's own. */
__u64 export_flushes(const struct exporter *exporter);

/* A JSON Schema that each line obeys. */
const char *export_schema(void);

GMEMTRACE_API_END

#endif

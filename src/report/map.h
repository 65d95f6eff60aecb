/* SPDX-License-Identifier: GPL-2.0 */
/* What a walk of the direct map found, for people and for machines. 0 or -errno, as all writers. */
#ifndef GMEMTRACE_REPORT_MAP_H
#define GMEMTRACE_REPORT_MAP_H

#include <stdio.h>

#include "map/map.h"

#define REPORT_MAP_SCHEMA "gmemtrace-map-1"

int report_map_text(FILE *out, const struct map *map);
int report_map_json(FILE *out, const struct map *map);

/* A JSON Schema that report_map_json() obeys. */
const char *report_map_schema(void);

#endif

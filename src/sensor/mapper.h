/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks all of the direct map, in parts, and tells of it in RECORD_MAP_*. Needs no sensors, and
 * hooks nothing: it reads. Blocks meanwhile, for as long as the map is large.
 */
#ifndef GMEMTRACE_SENSOR_MAPPER_H
#define GMEMTRACE_SENSOR_MAPPER_H

#include "sensor/sensor.h"

struct mapper;

/* What happens beside the walk. Members may be NULL. */
struct mapper_watch {
	/* Called now and then: bytes of the address space that are behind it, of how many. */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	bool (*stop)(void *context); /* true: no further */
	void *context;
};

/*
 * Loads the walker and proves it by pages of our own. @armed: sensors are, and would record a
 * memfd_secret of ours; without one only half of it is proved. 0, or -errno with @failure.
 */
int mapper_open(struct mapper **mapper, bool armed, struct sensor_failure *failure);

/*
 * Walks, and walks again to what is absent and nobody's, until that is proven or gone. 0 or -errno:
 * -EINTR where it was stopped, after records that say that they are not all.
 */
int mapper_walk(struct mapper *mapper, const struct mapper_watch *watch, sensor_sink sink,
		void *context);

void mapper_close(struct mapper *mapper);

#endif

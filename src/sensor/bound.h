/* SPDX-License-Identifier: GPL-2.0 */
/* Guest_memfds that a VM's memory slot has, and no descriptor and no mapping (bpf/bound.bpf.h). */
#ifndef GMEMTRACE_SENSOR_BOUND_H
#define GMEMTRACE_SENSOR_BOUND_H

#include "sensor/load.h"

#define BOUND_TEXT_LENGTH 128

/* Once all others have been announced. @text: fact SENSOR_FACT_BOUND; false: there is no guest_memfd. */
bool bound_discover(const struct load *load, const struct kernel *kernel,
		    char text[BOUND_TEXT_LENGTH]);

#endif

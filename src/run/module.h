/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_RUN_MODULE_H
#define GMEMTRACE_RUN_MODULE_H

#include "gmemtrace/run.h"

/*
 * --modprobe: loads KVM's modules for this CPU where they are not there, so that the sensors are
 * on their routines before CMD is; *@loaded: they were not. 0, or an exit status: it was said.
 */
enum gmemtrace_status modules_load(const struct run_options *options, bool *loaded);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What a VM is called, where its process was told so: by libvirt, QEMU's or Firecracker's user. */
#ifndef GMEMTRACE_RUN_NAMES_H
#define GMEMTRACE_RUN_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_NAME_MAX 64
#define NAMES_MAX 512 /* processes that are remembered; those beyond have no names */

/* In arguments as /proc has them, each with its zero. false: they tell none. */
bool names_parse(const char *arguments, size_t size, char name[NAMES_NAME_MAX]);

struct names {
	struct {
		uint32_t pid;
		char name[NAMES_NAME_MAX]; /* "" none */
	} list[NAMES_MAX];
	size_t nr;
};

/* Of the living process @pid, looked up once; NULL: it has none, or is not for us. */
const char *names_find(struct names *names, uint32_t pid);

#endif

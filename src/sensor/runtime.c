// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sensor/runtime.h"

int runtime_path(char path[RUNTIME_PATH_MAX], const char *name)
{
	const char *directory = getenv("XDG_RUNTIME_DIR");
	unsigned int uid = geteuid();
	int length;

	if (!uid)
		length = snprintf(path, RUNTIME_PATH_MAX, "%s/%s", RUNTIME_SYSTEM, name);
	else if (directory && directory[0] == '/')
		length = snprintf(path, RUNTIME_PATH_MAX, "%s/%s", directory, name);
	else
		length = snprintf(path, RUNTIME_PATH_MAX, "%s/user/%u/%s", RUNTIME_SYSTEM, uid,
				  name);
	return length < RUNTIME_PATH_MAX ? 0 : -ENAMETOOLONG;
}

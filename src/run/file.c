// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/stat.h>

#include "run/file.h"

bool file_same(const char *path, const char *other)
{
	struct stat one, two;

	if (!strcmp(path, other))
		return true;
	return !stat(path, &one) && !stat(other, &two) && S_ISREG(one.st_mode) &&
	       one.st_ino == two.st_ino && one.st_dev == two.st_dev;
}

bool file_regular(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode);
}

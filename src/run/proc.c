// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "run/proc.h"

bool proc_read_task(char *text, size_t size, pid_t pid, pid_t tid, const char *name)
{
	char path[96];
	size_t bytes;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	bytes = fread(text, 1, size - 1, file);
	text[bytes] = '\0';
	fclose(file);
	return bytes;
}

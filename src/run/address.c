// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/address.h"

#define PAGE_SHIFT 12
#define LINE_ROOM 512

/* "7f00-7f10 rw-s 00000000 00:0f 1234   /secretmem (deleted)" */
static bool line_take(const char *line, uint64_t address, struct address_page *page)
{
	uint64_t begin, end, offset, i_ino;
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64 " %n", &begin, &end,
		   &offset, &i_ino, &name) < 4)
		return false;
	if (address < begin || address >= end)
		return false;
	page->i_ino = i_ino;
	page->pgoff = (offset + (address - begin)) >> PAGE_SHIFT;
	snprintf(page->name, sizeof(page->name), "%s", line + name);
	page->name[strcspn(page->name, "\n")] = '\0';
	page->ours = strstr(page->name, "secretmem") || strstr(page->name, "gmem") ||
		     strstr(page->name, "guest_memfd") || strstr(page->name, "guest-memfd");
	return true;
}

bool address_find(FILE *maps, uint64_t address, struct address_page *page)
{
	char line[LINE_ROOM];

	*page = (struct address_page){ .i_ino = 0 };
	while (fgets(line, sizeof(line), maps)) {
		if (line_take(line, address, page))
			return true;
	}
	return false;
}

int address_resolve(uint32_t pid, uint64_t address, struct address_page *page)
{
	char path[32];
	FILE *maps;
	bool found;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? -ESRCH : -errno;
	found = address_find(maps, address, page);
	fclose(maps);
	return found ? 0 : -ENOENT;
}

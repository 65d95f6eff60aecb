// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holders/scan.h"
#include "run/address.h"

#define PAGE_SHIFT 12

/* "7f00-7f10 rw-s 00000000 00:0f 1234   /secretmem (deleted)" */
static bool line_take(const char *line, uint64_t address, struct address_page *page)
{
	uint64_t begin, end, offset, i_ino;
	unsigned int major;
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%*x %" SCNu64 " %n", &begin,
		   &end, &offset, &major, &i_ino, &name) < 5)
		return false;
	if (address < begin || address >= end)
		return false;
	page->i_ino = i_ino;
	page->pgoff = (offset + (address - begin)) >> PAGE_SHIFT;
	snprintf(page->name, sizeof(page->name), "%s", line + name);
	page->name[strcspn(page->name, "\n")] = '\0';
	page->ours = !major && holders_letter(page->name);
	return true;
}

bool address_find(FILE *maps, uint64_t address, struct address_page *page)
{
	size_t size = 0;
	char *line = NULL;
	bool found = false;

	*page = (struct address_page){ .i_ino = 0 };
	while (!found && getline(&line, &size, maps) > 0)
		found = line_take(line, address, page);
	free(line);
	return found;
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

size_t address_guest_files(uint32_t pid)
{
	char path[64], name[ADDRESS_NAME_MAX];
	struct dirent *entry;
	size_t files = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		ssize_t length =
			readlinkat(dirfd(directory), entry->d_name, name, sizeof(name) - 1);

		name[length > 0 ? length : 0] = '\0';
		files += holders_letter(name) == 'g';
	}
	if (directory)
		closedir(directory);
	return files;
}

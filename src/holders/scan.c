// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holders/scan.h"

#define LINE_MAX_BYTES 512
#define PID_NAMESPACE_INITIAL "pid:[4026531836]" /* PROC_PID_INIT_INO */

struct scan {
	holders_take take;
	void *context;
	struct holder holder; /* the process at hand */
};

char holders_letter(const char *name)
{
	static const struct {
		const char *name;
		char letter;
	} files[] = {
		{ "/secretmem", 's' },
		{ "anon_inode:[kvm-gmem]", 'g' },
		/* Of a file system of its own (7.0). */
		{ "/[kvm-gmem]", 'g' },
		{ "/[guest_memfd]", 'g' },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t length = strlen(files[i].name);

		if (!strncmp(name, files[i].name, length) &&
		    (!name[length] || !strcmp(name + length, " (deleted)")))
			return files[i].letter;
	}
	return 0;
}

static FILE *file_open_at(int directory, const char *name)
{
	int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");

	if (!file && descriptor >= 0)
		close(descriptor);
	return file;
}

static DIR *directory_open_at(int directory, const char *name)
{
	int descriptor = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *opened = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (!opened && descriptor >= 0)
		close(descriptor);
	return opened;
}

/* A descriptor's i_ino, which fdinfo has since 5.14; 0: it is gone. */
static uint64_t descriptor_ino(int process, const char *number)
{
	char path[64], line[LINE_MAX_BYTES];
	uint64_t i_ino = 0;
	FILE *file;

	snprintf(path, sizeof(path), "fdinfo/%.32s", number);
	file = file_open_at(process, path);
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "ino:", 4))
			i_ino = strtoull(line + 4, NULL, 10);
	}
	if (file)
		fclose(file);
	return i_ino;
}

static void descriptor_look(struct scan *scan, int process, int directory, const char *number)
{
	char name[LINE_MAX_BYTES];
	ssize_t length = readlinkat(directory, number, name, sizeof(name) - 1);

	if (length < 0)
		return;
	name[length] = '\0';
	scan->holder.letter = holders_letter(name);
	if (!scan->holder.letter)
		return;
	scan->holder.i_ino = descriptor_ino(process, number);
	scan->holder.descriptor = (int)strtol(number, NULL, 10);
	scan->holder.begin = scan->holder.end = 0;
	if (scan->holder.i_ino)
		scan->take(scan->context, &scan->holder);
}

/* false: they may not be read. */
static bool descriptors_look(struct scan *scan, int process)
{
	DIR *directory = directory_open_at(process, "fd");
	const struct dirent *entry;

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] != '.')
			descriptor_look(scan, process, dirfd(directory), entry->d_name);
	}
	closedir(directory);
	return true;
}

/* A line of maps: "begin-end perms offset device inode name". */
static void mapping_look(struct scan *scan, const char *line)
{
	struct holder *holder = &scan->holder;
	unsigned int major;
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%*x %" SCNu64 " %n", &holder->begin,
		   &holder->end, &major, &holder->i_ino, &name) != 4 ||
	    !name || major)
		return;
	holder->letter = holders_letter(line + name);
	holder->descriptor = -1;
	if (holder->letter)
		scan->take(scan->context, holder);
}

static bool mappings_look(struct scan *scan, int process)
{
	FILE *file = file_open_at(process, "maps");
	size_t size = 0;
	char *line = NULL;

	if (!file)
		return false;
	/* However long a name is: what is behind it in the file is no line. */
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		mapping_look(scan, line);
	}
	free(line);
	fclose(file);
	return true;
}

static void comm_read(int process, char comm[HOLDER_COMM_MAX])
{
	FILE *file = file_open_at(process, "comm");

	comm[0] = '\0';
	if (!file)
		return;
	if (fgets(comm, HOLDER_COMM_MAX, file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
}

/* What has ended holds nothing any more. */
static bool ended(int error)
{
	return error == ENOENT || error == ESRCH;
}

static bool process_look(struct scan *scan, int proc, const char *number)
{
	int process = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool read;

	if (process < 0)
		return ended(errno);
	scan->holder.pid = (pid_t)strtol(number, NULL, 10);
	comm_read(process, scan->holder.comm);
	read = descriptors_look(scan, process) || ended(errno);
	/* A kernel thread has no mappings, and maps is there and empty. */
	read &= mappings_look(scan, process) || ended(errno);
	close(process);
	return read;
}

/*
 * Who is of the initial namespace sees the first process, or none but his own: hidepid (proc(5)). Where kernels have no
 * namespaces there is no such link.
 */
static bool processes_hidden(int proc)
{
	char name[sizeof(PID_NAMESPACE_INITIAL)] = "";
	ssize_t length = readlinkat(proc, "self/ns/pid", name, sizeof(name) - 1);

	if (length >= 0 && strcmp(name, PID_NAMESPACE_INITIAL) != 0)
		return true;
	return faccessat(proc, "self", F_OK, 0) != 0 || faccessat(proc, "1", F_OK, 0) != 0;
}

static int number_order(const struct dirent **left, const struct dirent **right)
{
	long a = strtol((*left)->d_name, NULL, 10), b = strtol((*right)->d_name, NULL, 10);

	return a < b ? -1 : a > b;
}

static int number_is(const struct dirent *entry)
{
	return entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
}

int holders_scan(const char *proc, holders_take take, void *context, struct holders_seen *seen)
{
	struct scan scan = { .take = take, .context = context };
	int directory = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **processes;
	int nr =
		directory < 0 ? -1 : scandirat(directory, ".", &processes, number_is, number_order);
	int error = nr < 0 ? -errno : 0;

	*seen = (struct holders_seen){ .hidden = directory >= 0 && processes_hidden(directory) };
	for (int i = 0; i < nr; i++) {
		seen->processes++;
		seen->unread += !process_look(&scan, directory, processes[i]->d_name);
		free(processes[i]);
	}
	if (nr >= 0)
		free(processes);
	if (directory >= 0)
		close(directory);
	return error;
}

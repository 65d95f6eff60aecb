// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "holders/scan.h"
#include "holders/tables.h"

#ifndef SECRETMEM_MAGIC
#define SECRETMEM_MAGIC 0x5345434d /* 5.14 */
#endif
#ifndef GUEST_MEMFD_MAGIC
#define GUEST_MEMFD_MAGIC 0x474d454d /* 6.19 */
#endif

#define LINE_MAX_BYTES 512
#define PID_NAMESPACE_INITIAL "pid:[4026531836]" /* PROC_PID_INIT_INO */

/* Of a process, where it is not known who shares a table: a descriptor and a link read for each that each thread has. */
#define THREADS_READ_MAX 1024

struct scan {
	holders_take take;
	void *context;
	bool tasks; /* it is of tasks, and no tree like it */
	struct holders_seen *seen;
	struct holder holder; /* the process at hand */
	bool shared; /* the table at hand may be one that has been read */
	struct holder *taken; /* its descriptors so far */
	size_t taken_nr, taken_room;
};

/* A kind of file, by the name that the kernel gives it. */
struct kind {
	const char *name;
	char letter;
	long file_system; /* statfs.f_type; 0: no file of another can be called so */
};

static const struct kind *kind_of(const char *name)
{
	static const struct kind kinds[] = {
		{ "/secretmem", 's', SECRETMEM_MAGIC },
		{ "anon_inode:[kvm-gmem]", 'g', 0 },
		/* Of a file system of its own (6.19). */
		{ "/[kvm-gmem]", 'g', GUEST_MEMFD_MAGIC },
		{ "/[guest_memfd]", 'g', GUEST_MEMFD_MAGIC },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].name);

		if (!strncmp(name, kinds[i].name, length) &&
		    (!name[length] || !strcmp(name + length, " (deleted)")))
			return &kinds[i];
	}
	return NULL;
}

char holders_letter(const char *name)
{
	const struct kind *kind = kind_of(name);

	return kind ? kind->letter : 0;
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

/*
 * Whether the file that @link leads to, in a folder of /proc, may be of @kind: a name proves nothing where somebody has
 * a /secretmem of his own. Where it cannot be told it may.
 */
static bool link_believed(int directory, const char *link, const struct kind *kind)
{
	int file = kind->file_system ? openat(directory, link, O_PATH | O_CLOEXEC) : -1;
	struct statfs status;
	bool other = file >= 0 && !fstatfs(file, &status) && status.f_type != kind->file_system;

	if (file >= 0)
		close(file);
	return !other;
}

static bool descriptor_taken(const struct scan *scan)
{
	for (size_t i = 0; i < scan->taken_nr; i++) {
		const struct holder *taken = &scan->taken[i];

		if (taken->descriptor == scan->holder.descriptor &&
		    taken->i_ino == scan->holder.i_ino && taken->letter == scan->holder.letter)
			return true;
	}
	return false;
}

static void descriptor_take(struct scan *scan)
{
	size_t room = scan->taken_room ? 2 * scan->taken_room : 16;
	struct holder *grown;

	scan->take(scan->context, &scan->holder);
	if (scan->taken_nr == scan->taken_room) {
		grown = realloc(scan->taken, room * sizeof(*grown));
		if (!grown)
			return; /* said twice, at worst */
		scan->taken = grown;
		scan->taken_room = room;
	}
	scan->taken[scan->taken_nr++] = scan->holder;
}

static void descriptor_look(struct scan *scan, int task, int directory, const char *number)
{
	char name[LINE_MAX_BYTES];
	ssize_t length = readlinkat(directory, number, name, sizeof(name) - 1);
	const struct kind *kind;

	if (length < 0)
		return;
	name[length] = '\0';
	kind = kind_of(name);
	if (!kind || !link_believed(directory, number, kind))
		return;
	scan->holder.letter = kind->letter;
	scan->holder.i_ino = descriptor_ino(task, number);
	scan->holder.descriptor = (int)strtol(number, NULL, 10);
	scan->holder.begin = scan->holder.end = 0;
	if (scan->holder.i_ino && !(scan->shared && descriptor_taken(scan)))
		descriptor_take(scan);
}

/* Of a process, or a thread. false: they may not be read. */
static bool descriptors_look(struct scan *scan, int task)
{
	DIR *directory = directory_open_at(task, "fd");
	const struct dirent *entry;

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] != '.')
			descriptor_look(scan, task, dirfd(directory), entry->d_name);
	}
	closedir(directory);
	return true;
}

/* A line of maps: "begin-end perms offset device inode name". */
static void mapping_look(struct scan *scan, int task, const char *line)
{
	struct holder *holder = &scan->holder;
	const struct kind *kind;
	unsigned int major;
	char link[80];
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%*x %" SCNu64 " %n", &holder->begin,
		   &holder->end, &major, &holder->i_ino, &name) != 4 ||
	    !name || major)
		return;
	kind = kind_of(line + name);
	if (!kind)
		return;
	holder->letter = kind->letter;
	holder->descriptor = -1;
	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, holder->begin, holder->end);
	if (link_believed(task, link, kind))
		scan->take(scan->context, holder);
}

/* 0: it has none, -1: they may not be read. */
static int mappings_look(struct scan *scan, int task)
{
	FILE *file = file_open_at(task, "maps");
	int nr = 0;
	size_t size = 0;
	char *line = NULL;

	if (!file)
		return -1;
	/* However long a name is: what is behind it in the file is no line. */
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		mapping_look(scan, task, line);
		nr = 1;
	}
	free(line);
	fclose(file);
	return nr;
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

static int number_order(const struct dirent **left, const struct dirent **right)
{
	long a = strtol((*left)->d_name, NULL, 10), b = strtol((*right)->d_name, NULL, 10);

	return a < b ? -1 : a > b;
}

static int number_is(const struct dirent *entry)
{
	return entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
}

/* Whether the thread that began the process has ended: others may be there, and hold what it does not any more. */
static bool leader_has_ended(int process)
{
	FILE *file = file_open_at(process, "stat");
	char line[LINE_MAX_BYTES] = "", *state = NULL;

	if (file && fgets(line, sizeof(line), file))
		state = strrchr(line, ')'); /* a name may have those, too */
	if (file)
		fclose(file);
	return state && (state[2] == 'Z' || state[2] == 'X');
}

/* false: they may not be read. */
static bool thread_look(struct scan *scan, int thread)
{
	if (descriptors_look(scan, thread))
		return true;
	return ended(errno);
}

struct threads {
	struct tables tables;
	size_t read; /* without knowing whether that was needed */
	bool mapped; /* the mappings, which all threads share, have been read */
};

static void thread_meet(struct scan *scan, struct threads *threads, int task, const char *number)
{
	pid_t id = (pid_t)strtol(number, NULL, 10);
	enum tables_answer answer = scan->tasks ? tables_meet(&threads->tables, id) : TABLES_UNTOLD;
	int thread;

	if (threads->mapped && (answer == TABLES_KNOWN || id == scan->holder.pid))
		return;
	thread = openat(task, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (thread < 0)
		return;
	if (!threads->mapped)
		threads->mapped = mappings_look(scan, thread) > 0;
	scan->holder.thread = id;
	scan->shared = answer == TABLES_UNTOLD;
	if (answer == TABLES_UNTOLD && threads->read++ >= THREADS_READ_MAX)
		scan->seen->threads_unread++;
	else if (answer != TABLES_KNOWN && id != scan->holder.pid)
		scan->seen->threads_unread += !thread_look(scan, thread);
	scan->holder.thread = 0;
	scan->shared = false;
	close(thread);
}

/* A thread may have a table of its own (unshare(2), CLONE_FILES). @mapped: mappings have been read. */
static void threads_look(struct scan *scan, int process, bool mapped)
{
	struct threads threads = { .mapped = mapped };
	int task = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **list = NULL;
	int nr = task < 0 ? 0 : scandirat(task, ".", &list, number_is, number_order);

	if (nr > 1 && scan->tasks)
		(void)tables_meet(&threads.tables, scan->holder.pid);
	for (int i = 0; i < nr; i++) {
		if (nr > 1)
			thread_meet(scan, &threads, task, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	tables_free(&threads.tables);
	if (task >= 0)
		close(task);
}

static bool process_look(struct scan *scan, int proc, const char *number)
{
	int process = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC), mapped;
	bool read, left;

	if (process < 0)
		return ended(errno);
	scan->holder.pid = (pid_t)strtol(number, NULL, 10);
	scan->taken_nr = 0;
	comm_read(process, scan->holder.comm);
	left = leader_has_ended(process);
	read = descriptors_look(scan, process) || ended(errno) || left;
	/* A kernel thread has no mappings, and maps is there and empty. */
	mapped = mappings_look(scan, process);
	read &= mapped >= 0 || ended(errno) || left;
	if (read)
		threads_look(scan, process, mapped > 0 || !left);
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

int holders_scan(const char *proc, holders_take take, void *context, struct holders_seen *seen)
{
	struct scan scan = { .take = take, .context = context, .seen = seen };
	int directory = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **processes;
	struct statfs file_system;
	int nr =
		directory < 0 ? -1 : scandirat(directory, ".", &processes, number_is, number_order);
	int error = nr < 0 ? -errno : 0;

	*seen = (struct holders_seen){ .hidden = directory >= 0 && processes_hidden(directory) };
	scan.tasks = directory >= 0 && !fstatfs(directory, &file_system) &&
		     file_system.f_type == PROC_SUPER_MAGIC;
	for (int i = 0; i < nr; i++) {
		seen->processes++;
		seen->unread += !process_look(&scan, directory, processes[i]->d_name);
		free(processes[i]);
	}
	if (nr >= 0)
		free(processes);
	free(scan.taken);
	if (directory >= 0)
		close(directory);
	return error;
}

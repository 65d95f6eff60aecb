/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who holds memfd_secret and guest_memfd files: by a descriptor, or by a mapping. Reads /proc
 * alone; what the files hold the sensors know.
 */
#ifndef GMEMTRACE_HOLDERS_SCAN_H
#define GMEMTRACE_HOLDERS_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HOLDER_COMM_MAX 17

struct holder {
	pid_t pid; /* a process: its threads share what it has ... */
	pid_t thread; /* ... but for one that has descriptors of its own, or some that share them: its id; 0: all of it */
	char comm[HOLDER_COMM_MAX];
	char letter; /* 's' memfd_secret, 'g' guest_memfd: as provider.letter */
	uint64_t i_ino;
	int descriptor; /* -1: a mapping */
	uint64_t begin, end; /* of the mapping, addresses of the process; end exclusive */
};

#define HOLDER_PAGE_BYTES 4096

/* What a process has mapped of an inode stands here once, however often it has. */
struct holders_entry {
	struct holder holder; /* its begin and end are those of the first mapping */
	uint64_t mappings; /* 0: a descriptor */
	uint64_t mapped_pages; /* of all of them: a page that is mapped twice counts twice */
};

/* All zero: empty. */
struct holders_list {
	struct holders_entry *entries;
	size_t nr, room;
	size_t process; /* where the last process's entries begin */
	bool failed; /* memory ran short */
};

struct holders_seen {
	uint64_t processes; /* looked at */
	uint64_t unread; /* that could not be: of others */
	uint64_t threads_unread; /* nor their descriptors, if they have any of their own */
	bool hidden; /* there may be more: a pid namespace of our own, or a /proc that shows its own to each */
};

/*
 * What the kernel calls such a file (mm/secretmem.c, virt/kvm/guest_memfd.c), in a descriptor's link or in a line of
 * maps: its letter; 0: none of ours. A file may be called alike, on a disk or by memfd_create().
 */
char holders_letter(const char *name);

typedef void (*holders_take)(void *context, const struct holder *holder);

/*
 * Calls @take for each descriptor and each mapping, in order of processes. @proc: "/proc", or a
 * tree like it. 0, or -errno where it cannot be read at all.
 */
int holders_scan(const char *proc, holders_take take, void *context, struct holders_seen *seen);

/* A holders_take, of a struct holders_list. */
void holders_list_add(void *list, const struct holder *holder);
void holders_list_free(struct holders_list *list);

#endif

// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/hang.h"
#include "run/proc.h"
#include "run/units.h"

#define SECOND 1000000000ULL
#define LOOK_NS SECOND
#define TAINT_DIE (1UL << 7) /* the kernel has oopsed */
#define DEPTH_MAX 32 /* generations below CMD */

/* "key:\tNUMBER" of a status file. */
static uint64_t status_number(const char *status, const char *key)
{
	const char *found = strstr(status, key);

	return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

/* Whether the task sleeps and no signal but perhaps SIGKILL wakes it. */
static bool task_blocked(pid_t pid, pid_t tid, uint64_t *switches)
{
	char status[4096];

	if (!proc_read_task(status, sizeof(status), pid, tid, "status") ||
	    !strstr(status, "\nState:\tD"))
		return false;
	*switches = status_number(status, "\nvoluntary_ctxt_switches:") +
		    status_number(status, "\nnonvoluntary_ctxt_switches:");
	return true;
}

static struct hang_task *task_find(struct hang *hang, pid_t tid)
{
	for (size_t i = 0; i < hang->nr; i++) {
		if (hang->tasks[i].tid == tid)
			return &hang->tasks[i];
	}
	if (hang->nr == HANG_TASKS_MAX)
		return NULL;
	hang->tasks[hang->nr] = (struct hang_task){ .tid = tid };
	return &hang->tasks[hang->nr++];
}

/* Notes one task; how long it has been blocked, ns. */
static uint64_t task_look(struct hang *hang, pid_t pid, pid_t tid, uint64_t now)
{
	struct hang_task *task;
	uint64_t switches;

	if (!task_blocked(pid, tid, &switches))
		return 0;
	task = task_find(hang, tid);
	if (!task)
		return 0;
	/* Who has just begun has not left its CPU yet, and is as new as who was not seen the last time. */
	if (!task->looked || task->looked + 1 != hang->looks || task->switches != switches)
		task->since = now;
	task->looked = hang->looks;
	task->switches = switches;
	return now - task->since;
}

/* Who has not been found blocked this time starts anew. */
static void tasks_forget(struct hang *hang)
{
	size_t kept = 0;

	for (size_t i = 0; i < hang->nr; i++) {
		if (hang->tasks[i].looked == hang->looks)
			hang->tasks[kept++] = hang->tasks[i];
	}
	hang->nr = kept;
}

static void task_describe(pid_t pid, pid_t tid, uint64_t blocked, char text[HANG_TEXT_MAX])
{
	char comm[32] = "?", where[64] = "0", time[UNITS_MAX];
	bool known;

	if (proc_read_task(comm, sizeof(comm), pid, tid, "comm"))
		comm[strcspn(comm, "\n")] = '\0';
	known = proc_read_task(where, sizeof(where), pid, tid, "wchan") && strcmp(where, "0") != 0;
	snprintf(text, HANG_TEXT_MAX,
		 "task %d (%s) of CMD has been blocked in the kernel%s%s for %s", (int)tid, comm,
		 known ? ", in " : "", known ? where : "",
		 units_time(time, blocked - blocked % SECOND));
}

struct look {
	struct hang *hang;
	uint64_t now, limit;
	char *text;
};

static bool process_look(const struct look *look, pid_t pid, unsigned int depth);

/* The children that one thread has made. */
static bool children_look(const struct look *look, pid_t pid, pid_t tid, unsigned int depth)
{
	char children[4096], *next = children, *end;

	if (depth == DEPTH_MAX || !proc_read_task(children, sizeof(children), pid, tid, "children"))
		return false;
	for (;;) {
		long child = strtol(next, &end, 10);

		if (end == next)
			return false;
		if (process_look(look, (pid_t)child, depth + 1))
			return true;
		next = end;
	}
}

static bool process_look(const struct look *look, pid_t pid, unsigned int depth)
{
	const struct dirent *entry;
	bool found = false;
	char path[32];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (threads && !found && (entry = readdir(threads))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		uint64_t blocked = tid ? task_look(look->hang, pid, tid, look->now) : 0;

		found = blocked && blocked >= look->limit;
		if (found)
			task_describe(pid, tid, blocked, look->text);
		else if (tid)
			found = children_look(look, pid, tid, depth);
	}
	if (threads)
		closedir(threads);
	return found;
}

bool hang_find(struct hang *hang, pid_t pid, uint64_t now, uint64_t limit, char text[HANG_TEXT_MAX])
{
	const struct look look = { hang, now, limit, text };
	bool found;

	if (now - hang->looked < LOOK_NS)
		return false;
	hang->looked = now;
	hang->looks++;
	found = process_look(&look, pid, 0);
	tasks_forget(hang);
	return found;
}

bool hang_oopsed(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long taint = 0;

	if (!file)
		return false;
	if (fscanf(file, "%lu", &taint) != 1)
		taint = 0;
	fclose(file);
	return taint & TAINT_DIE;
}

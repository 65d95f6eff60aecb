// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/proc.h"
#include "run/wait.h"

#define FRAMES_MAX 5

/* Behind "(comm) " of its stat line; a name may hold anything. 0: it has gone. */
static char task_state(pid_t pid, pid_t tid)
{
	char stat[512], *end;

	if (!proc_read_task(stat, sizeof(stat), pid, tid, "stat"))
		return 0;
	end = strrchr(stat, ')');
	return end && end[1] ? end[2] : '?';
}

/* What the task does when it merely has nothing to do. */
static bool frame_is_idle(const char *name, size_t length)
{
	static const char *const idle[] = { "futex",	 "poll",  "epoll",	"nanosleep",
					    "pipe_read", "wait4", "sigsuspend", "sigtimedwait" };

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		if (memmem(name, length, idle[i], strlen(idle[i])))
			return true;
	}
	return false;
}

/* "[<0>] name+0x12/0x34" a line: the names, without anything that is an address. */
static bool stack_names(pid_t pid, pid_t tid, char *text, size_t size, bool *idle)
{
	char stack[4096];
	size_t used = 0;
	int frames = 0;

	*idle = false;
	if (!proc_read_task(stack, sizeof(stack), pid, tid, "stack"))
		return false;
	for (char *line = strtok(stack, "\n"); line && frames < FRAMES_MAX;
	     line = strtok(NULL, "\n")) {
		char *name = strchr(line, ' ');
		size_t length = name ? strcspn(++name, "+ ") : 0;

		if (!length || !(isalpha((unsigned char)*name) || *name == '_'))
			continue;
		*idle |= frame_is_idle(name, length);
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%.*s",
						 frames ? " < " : "", (int)length, name);
		frames++;
	}
	return frames;
}

static bool task_words(pid_t pid, pid_t tid, char *text, size_t size, bool *idle)
{
	char state = task_state(pid, tid), names[256], where[64] = "0";

	*idle = false;
	if (!state || state == 'Z' || state == 'X')
		return false;
	if (state == 'R') {
		snprintf(text, size, "runs");
		return true;
	}
	if (!stack_names(pid, tid, names, sizeof(names), idle)) {
		proc_read_task(where, sizeof(where), pid, tid, "wchan");
		*idle = frame_is_idle(where, strlen(where));
		snprintf(names, sizeof(names), "%s", strcmp(where, "0") ? where : "the kernel");
	}
	snprintf(text, size, "%s in %s", state == 'D' ? "is blocked" : "sleeps", names);
	return true;
}

bool wait_describe(pid_t pid, pid_t tid, char *text, size_t size)
{
	bool idle;

	return task_words(pid, tid, text, size, &idle);
}

static size_t other_describe(pid_t pid, pid_t tid, char *text, size_t size, bool first)
{
	char comm[32] = "?", words[320];
	bool idle;
	int length;

	if (!task_words(pid, tid, words, sizeof(words), &idle) || idle)
		return 0;
	if (proc_read_task(comm, sizeof(comm), pid, tid, "comm"))
		comm[strcspn(comm, "\n")] = '\0';
	for (char *c = comm; *c; c++)
		*c = isgraph((unsigned char)*c) ? *c : '_';
	length = snprintf(text, size, "%s%d (%s) %s", first ? "" : "; ", (int)tid, comm, words);
	/* All of it, or nothing. */
	if (length < 0 || (size_t)length >= size) {
		*text = '\0';
		return 0;
	}
	return (size_t)length;
}

void wait_describe_others(pid_t pid, pid_t tid, char *text, size_t size)
{
	const struct dirent *entry;
	char path[32];
	size_t used = 0;
	DIR *threads;

	*text = '\0';
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);

		if (other && other != tid)
			used += other_describe(pid, other, text + used, size - used, !used);
	}
	if (threads)
		closedir(threads);
}

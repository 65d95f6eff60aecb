// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/plural.h"
#include "daemon/alarm.h"
#include "daemon/log.h"

#define VARIABLES_MAX 12
#define VARIABLE_MAX 1024

/* Takes the next word out of *@text, in place. NULL: there is none. */
static char *word_next(char **text)
{
	char *word, *to, *from;

	from = *text + strspn(*text, " \t\n");
	if (!*from)
		return NULL;
	word = to = from;
	while (*from && !strchr(" \t\n", *from)) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*text = from + (*from != '\0');
	*to = '\0';
	return word;
}

static int command_check(const char *path, char *message, size_t size)
{
	struct stat status;

	if (*path != '/') {
		snprintf(message, size, "%s: give the command's whole path, from / on", path);
		return -EINVAL;
	}
	if (stat(path, &status) || access(path, X_OK)) {
		snprintf(message, size, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (S_ISREG(status.st_mode))
		return 0;
	snprintf(message, size, "%s: no program", path);
	return -EINVAL;
}

int alarm_open(struct alarm *alarm, const char *command, char *message, size_t size)
{
	char *rest, *word;
	size_t nr = 0;
	int error;

	*alarm = (struct alarm){ .timeout = ALARM_TIMEOUT_NS, .text = strdup(command) };
	if (!alarm->text) {
		snprintf(message, size, "out of memory");
		return -ENOMEM;
	}
	rest = alarm->text;
	while ((word = word_next(&rest)) && nr < ALARM_WORDS_MAX)
		alarm->words[nr++] = word;
	if (!nr || word) {
		snprintf(message, size, nr ? "more than %d words" : "no command", ALARM_WORDS_MAX);
		error = -EINVAL;
	} else {
		error = command_check(alarm->words[0], message, size);
	}
	if (!error)
		return 0;
	free(alarm->text);
	*alarm = (struct alarm){ .text = NULL };
	return error;
}

/* Nothing that it starts outlives it: it leads a group of processes. */
static void alarm_kill(const struct alarm *alarm)
{
	if (kill(-alarm->running, SIGKILL))
		kill(alarm->running, SIGKILL);
}

void alarm_close(struct alarm *alarm)
{
	unsigned long long waiting = alarm->nr + alarm->dropped;

	if (alarm->running > 0) {
		alarm_kill(alarm);
		waitpid(alarm->running, NULL, 0);
		daemon_log_at(LOG_LEVEL_WARNING, "--on-violation: %s was ended with us",
			      alarm->words[0]);
	}
	if (waiting)
		daemon_log_at(LOG_LEVEL_WARNING,
			      "--on-violation: %llu violation%s not handed to %s", waiting,
			      plural_of(waiting, " was", "s were"), alarm->words[0]);
	free(alarm->text);
	*alarm = (struct alarm){ .text = NULL };
}

void alarm_add(struct alarm *alarm, const struct alarm_violation *violation)
{
	if (!alarm->text)
		return;
	if (alarm->nr == ALARM_QUEUE) {
		alarm->dropped++;
		return;
	}
	alarm->queue[(alarm->head + alarm->nr++) % ALARM_QUEUE] = *violation;
}

struct variables {
	char text[VARIABLES_MAX][VARIABLE_MAX];
	char *list[VARIABLES_MAX + 1]; /* NULL behind the last */
	size_t nr;
};

static void variable_add(struct variables *variables, const char *name, const char *value)
{
	char *text = variables->text[variables->nr];

	snprintf(text, VARIABLE_MAX, "%s=%s", name, value);
	variables->list[variables->nr++] = text;
	variables->list[variables->nr] = NULL;
}

static void variable_number(struct variables *variables, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	variable_add(variables, name, text);
}

/* What was seen goes into the environment alone, and none of it into the command line. */
static void variables_fill(struct variables *variables, const struct alarm_violation *violation,
			   uint64_t dropped)
{
	variables->nr = 0;
	variable_add(variables, "PATH",
		     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	variable_add(variables, "LANG", "C.UTF-8");
	variable_add(variables, "GMEMTRACE_RULE", violation->rule);
	variable_add(variables, "GMEMTRACE_INODE", violation->inode);
	variable_add(variables, "GMEMTRACE_PGOFF", violation->pgoff);
	variable_number(variables, "GMEMTRACE_PAGES", violation->pages);
	variable_number(variables, "GMEMTRACE_VM", violation->vm);
	variable_add(variables, "GMEMTRACE_COMM", violation->comm);
	variable_add(variables, "GMEMTRACE_WORDS", violation->words);
	variable_number(variables, "GMEMTRACE_DROPPED", dropped);
}

/* Its input is empty, its output our log; signals are as a program expects them. */
static int alarm_spawn(struct alarm *alarm, char *const *environment)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	error = posix_spawn(&alarm->running, alarm->words[0], &actions, &attributes, alarm->words,
			    environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		alarm->running = 0;
	return error;
}

static void alarm_start(struct alarm *alarm, uint64_t now)
{
	struct variables variables;
	int error;

	if (alarm->dropped)
		daemon_log_at(
			LOG_LEVEL_WARNING,
			"--on-violation: %d violations were waiting, and %llu more %s dropped",
			ALARM_QUEUE, (unsigned long long)alarm->dropped,
			plural_of(alarm->dropped, "was", "were"));
	variables_fill(&variables, &alarm->queue[alarm->head], alarm->dropped);
	alarm->dropped = 0;
	alarm->head = (alarm->head + 1) % ALARM_QUEUE;
	alarm->nr--;
	alarm->late = false;
	alarm->deadline = now + alarm->timeout;
	error = alarm_spawn(alarm, variables.list);
	if (error)
		daemon_log_at(LOG_LEVEL_ERROR, "--on-violation: %s: cannot be run: %s",
			      alarm->words[0], strerror(error));
}

static void end_say(const struct alarm *alarm, int status)
{
	if (alarm->late)
		daemon_log_at(
			LOG_LEVEL_ERROR,
			"--on-violation: %s had not ended after %llu s: it was ended by force",
			alarm->words[0], (unsigned long long)(alarm->timeout / 1000000000));
	else if (WIFSIGNALED(status))
		daemon_log_at(LOG_LEVEL_ERROR, "--on-violation: %s was ended by signal %d",
			      alarm->words[0], WTERMSIG(status));
	else if (WEXITSTATUS(status))
		daemon_log_at(LOG_LEVEL_ERROR, "--on-violation: %s ended with status %d",
			      alarm->words[0], WEXITSTATUS(status));
}

static void alarm_reap(struct alarm *alarm)
{
	int status;

	if (waitpid(alarm->running, &status, WNOHANG) != alarm->running)
		return;
	/* What it started and left behind goes as well. */
	kill(-alarm->running, SIGKILL);
	end_say(alarm, status);
	alarm->running = 0;
}

int alarm_poll(struct alarm *alarm, uint64_t now)
{
	if (alarm->running > 0)
		alarm_reap(alarm);
	if (alarm->running > 0 && !alarm->late && now >= alarm->deadline) {
		alarm->late = true;
		alarm_kill(alarm);
	}
	while (!alarm->running && alarm->nr)
		alarm_start(alarm, now);
	if (!alarm->running || alarm->late)
		return -1;
	return (int)((alarm->deadline - now) / 1000000 + 1);
}

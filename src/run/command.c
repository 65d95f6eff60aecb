// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/command.h"

#define STEP_MS 50

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
static const int ignored[] = { SIGPIPE, SIGXFSZ };

#define CAUGHT_NR (sizeof(caught) / sizeof(caught[0]))
#define IGNORED_NR (sizeof(ignored) / sizeof(ignored[0]))

static struct sigaction caught_before[CAUGHT_NR];
static struct sigaction ignored_before[IGNORED_NR];
static bool catches; /* between signals_catch() and signals_restore() */
static unsigned int ignores; /* depth of signals_ignore() */

static volatile sig_atomic_t signal_number;
static volatile sig_atomic_t signal_from_terminal;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	signal_from_terminal = info->si_code == SI_KERNEL;
	signal_number = number;
}

void signals_ignore(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (ignores++)
		return;
	for (size_t i = 0; i < IGNORED_NR; i++)
		sigaction(ignored[i], &ignore, &ignored_before[i]);
}

static void ignored_restore(void)
{
	for (size_t i = 0; i < IGNORED_NR && ignores; i++)
		sigaction(ignored[i], &ignored_before[i], NULL);
}

static void signals_heed(void)
{
	if (ignores == 1)
		ignored_restore();
	ignores--;
}

void signals_catch(void)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	catches = true;
	signal_number = 0;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CAUGHT_NR; i++) {
		sigaction(caught[i], NULL, &caught_before[i]);
		/* nohup and a shell's background jobs want it to stay ignored. */
		if (caught_before[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
	signals_ignore();
}

static void caught_restore(void)
{
	for (size_t i = 0; i < CAUGHT_NR; i++)
		sigaction(caught[i], &caught_before[i], NULL);
}

void signals_restore(void)
{
	caught_restore();
	catches = false;
	signal_number = 0;
	signals_heed();
}

int signals_take(bool *everybody)
{
	int number = signal_number;

	*everybody = signal_from_terminal;
	signal_number = 0;
	return number;
}

bool signals_pending(void)
{
	return signal_number != 0;
}

/* In the child: what stops it goes up the pipe, which a success closes. */
static _Noreturn void command_execute(char *const *argv, bool aside, int report)
{
	int error;

	if (catches)
		caught_restore();
	ignored_restore();
	if (aside)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(COMMAND_NOT_EXECUTABLE);
	_exit(error == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_EXECUTABLE);
}

/* Why it does not run, or 0. A program on a dead file system may take for ever: see signals. */
static int execute_wait(int report)
{
	struct pollfd said = { .fd = report, .events = POLLIN };
	int error = 0;

	while (poll(&said, 1, STEP_MS) <= 0) {
		if (signals_pending())
			return 0;
	}
	return read(report, &error, sizeof(error)) == sizeof(error) ? error : 0;
}

/* 0 or an errno. */
static int command_fork(struct command *command, char *const *argv, bool aside)
{
	int report[2], error = 0;

	if (pipe2(report, O_CLOEXEC))
		return errno;
	command->pid = fork();
	if (!command->pid)
		command_execute(argv, aside, report[1]);
	if (command->pid < 0)
		error = errno;
	close(report[1]);
	if (!error)
		error = execute_wait(report[0]);
	close(report[0]);
	return error;
}

int command_start(struct command *command, char *const *argv, bool aside)
{
	int error;

	*command = (struct command){ .status = -1 };
	error = command_fork(command, argv, aside);
	if (!error) {
		command->running = true;
		return 0;
	}
	if (command->pid > 0)
		waitpid(command->pid, NULL, 0);
	command->status = error == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_EXECUTABLE;
	return -error;
}

void command_poll(struct command *command)
{
	int status;

	if (!command->running || waitpid(command->pid, &status, WNOHANG) != command->pid)
		return;
	command->running = false;
	command->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void command_signal(const struct command *command, int number)
{
	if (command->running)
		kill(command->pid, number);
}

void command_give_up(struct command *command)
{
	if (!command->running)
		return;
	command->running = false;
	command->status = 128 + SIGKILL;
}

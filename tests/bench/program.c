// SPDX-License-Identifier: GPL-2.0
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int program_main(int argc, char **argv, const struct program_case *cases, size_t nr)
{
	size_t pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	int rounds = argc > 3 ? atoi(argv[3]) : 0;

	for (size_t i = 0; pages && rounds > 0 && i < nr; i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].run(pages, rounds);
		return 0;
	}
	fprintf(stderr, "usage: %s CASE PAGES ROUNDS, of the cases", program_invocation_short_name);
	for (size_t i = 0; i < nr; i++)
		fprintf(stderr, " %s", cases[i].name);
	fputc('\n', stderr);
	return 64;
}

int program_rounds(int argc, char **argv, bool (*round)(size_t pages, bool print))
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 0) : 1024;
	int rounds = argc > 2 ? atoi(argv[2]) : 5;

	for (int i = 0; i <= rounds; i++) {
		if (!round(pages, i > 0))
			return 1;
	}
	return 0;
}

int program_run_command(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 2;
	return WEXITSTATUS(status);
}

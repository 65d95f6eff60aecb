// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/allow.h"

#define LINE_BYTES 4096 /* of a line of a list, with the zero behind it */

const struct rule *allow_rule(const char *name, char *message, size_t size)
{
	const struct rule *rule = rule_find_name(name);

	if (rule && rule->severity == RULE_SEVERITY_VIOLATION)
		return rule;
	snprintf(message, size, "%s: %s", name,
		 rule ? "a note, no verdict depends on it"
		      : "no such rule, see gmemtrace-rules(7)");
	return NULL;
}

int allow_entry(struct verdict_options *options, char *text, char *message, size_t size)
{
	char *why = text + strcspn(text, ":");
	const struct rule *rule;

	if (*why)
		*why++ = '\0';
	rule = allow_rule(text, message, size);
	if (!rule)
		return -EINVAL;
	if (options->allow[rule->id]) {
		snprintf(message, size, "%s: allowed twice", rule->name);
		return -EINVAL;
	}
	options->allow[rule->id] = why + strspn(why, " \t");
	return 0;
}

/* In place: without the spaces around it. */
static char *line_trim(char *line)
{
	size_t length;

	line += strspn(line, " \t");
	length = strlen(line);
	while (length && strchr(" \t\r\n", line[length - 1]))
		line[--length] = '\0';
	return line;
}

/* What options point at. */
struct kept {
	struct kept *next;
	char text[];
};
static struct kept *kept;

static int file_line(struct verdict_options *options, const char *line, char *message, size_t size)
{
	struct kept *copy = malloc(sizeof(*copy) + strlen(line) + 1);
	char *entry;
	int error = 0;

	if (!copy) {
		snprintf(message, size, "out of memory");
		return -ENOMEM;
	}
	entry = line_trim(strcpy(copy->text, line));
	if (*entry && *entry != '#') {
		error = allow_entry(options, entry, message, size);
		if (!error) {
			copy->next = kept;
			kept = copy;
			return 0;
		}
	}
	free(copy);
	return error;
}

/* A line without its end: 1, 0 behind the last, -EINVAL: what a text does not have. */
static int line_read(FILE *file, char *line, size_t size)
{
	size_t used = 0;
	int byte;

	while ((byte = getc(file)) != EOF && byte != '\n') {
		if (!byte || used == size - 1)
			return -EINVAL;
		line[used++] = (char)byte;
	}
	line[used] = '\0';
	return used || byte == '\n';
}

int allow_file(struct verdict_options *options, const char *path, char *message, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[LINE_BYTES], wrong[256];
	size_t number = 0;
	int error = 0, read;

	while (file && !error && (read = line_read(file, line, sizeof(line)))) {
		number++;
		snprintf(wrong, sizeof(wrong), "no text, or longer than %d bytes", LINE_BYTES - 1);
		error = read < 0 ? read : file_line(options, line, wrong, sizeof(wrong));
		if (error)
			snprintf(message, size, "%s: line %zu: %s", path, number, wrong);
	}
	if (!error && (!file || ferror(file))) {
		error = errno ? -errno : -EIO;
		snprintf(message, size, "%s: %s", path, strerror(-error));
	}
	if (file)
		fclose(file);
	return error;
}

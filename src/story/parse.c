// SPDX-License-Identifier: GPL-2.0
/* Which page is asked for. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/story.h"

/* A whole number at *@text, which goes behind it: no octal, as everywhere (run/units.h). */
static bool number_take(const char **text, __u64 *number)
{
	const char *digits = *text;
	bool hexadecimal = digits[0] == '0' && (digits[1] | 0x20) == 'x';
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*number = strtoull(digits, &end, hexadecimal ? 16 : 10);
	if (errno || end == *text)
		return false;
	*text = end;
	return true;
}

static int pages_parse(const char *text, struct story_subject *subject)
{
	if (!number_take(&text, &subject->first))
		return -EINVAL;
	subject->last = subject->first;
	if (*text == '-') {
		text++;
		if (!number_take(&text, &subject->last))
			return -EINVAL;
	}
	if (*text || subject->last < subject->first)
		return -EINVAL;
	return subject->last - subject->first < STORY_PAGES_MAX ? 0 : -E2BIG;
}

static int address_parse(const char *text, struct story_subject *subject)
{
	__u64 pid;

	if (!number_take(&text, &pid) || *text != ':' || !pid || pid > 1U << 22)
		return -EINVAL;
	text++;
	if (!number_take(&text, &subject->address) || *text)
		return -EINVAL;
	subject->about = STORY_ADDRESS;
	subject->pid = (__u32)pid;
	return 0;
}

int story_parse(const char *text, struct story_subject *subject)
{
	*subject = (struct story_subject){ .about = STORY_PAGES };
	if (!strncmp(text, "pfn:", 4)) {
		text += 4;
		subject->about = STORY_FRAME;
		return number_take(&text, &subject->pfn) && !*text ? 0 : -EINVAL;
	}
	if (isdigit((unsigned char)*text))
		return address_parse(text, subject);
	if (!*text || !strchr("gsi", *text))
		return -EINVAL;
	subject->letter = *text++;
	if (!number_take(&text, &subject->inode) || !subject->inode || *text != ':')
		return -EINVAL;
	return pages_parse(text + 1, subject);
}

// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>

#include "run/say.h"
#include "report/escape.h"

void run_say(const struct run_options *options, const char *format, ...)
{
	char text[1024], escaped[1024];
	va_list arguments;

	if (!options->say)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	escape_text(escaped, sizeof(escaped), text);
	options->say(options->context, escaped);
}

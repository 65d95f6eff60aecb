// SPDX-License-Identifier: GPL-2.0
#include "sensor/config.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define LINE_MAX_BYTES 256

/* Who makes pages absent, what changes when, and what makes all of it slower. */
static const char *const options[] = {
	"KVM",
	"KVM_AMD_SEV",
	"KVM_INTEL_TDX",
	"KVM_SW_PROTECTED_VM",
	"SECRETMEM",
	"PREEMPT_NONE",
	"PREEMPT_VOLUNTARY",
	"PREEMPT_LAZY",
	"PREEMPT",
	"PREEMPT_DYNAMIC",
	"PREEMPT_RT",
	"TRANSPARENT_HUGEPAGE",
	"PAGE_TABLE_ISOLATION",
	"MITIGATION_PAGE_TABLE_ISOLATION",
	"BROADCAST_TLB_FLUSH",
	"KFENCE",
	"DEBUG_PAGEALLOC",
	"DEBUG_VM",
	"DEBUG_ATOMIC_SLEEP",
	"PROVE_LOCKING",
	"KASAN",
};

/* The value of an option of which is told, with the line cut behind it; NULL: another line. */
static const char *config_value(char *line, const char *option)
{
	static const char prefix[] = "CONFIG_";
	size_t length = strlen(option);

	if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	line += sizeof(prefix) - 1;
	if (strncmp(line, option, length) != 0 || line[length] != '=')
		return NULL;
	line += length + 1;
	/* All are of two or of three states. */
	return (*line == 'y' || *line == 'm') && line[1] == '\n' ? line : NULL;
}

static void config_take(char *line, char *text, size_t *used)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *value = config_value(line, options[i]);

		if (value && *used < CONFIG_TEXT_MAX)
			*used += (size_t)snprintf(text + *used, CONFIG_TEXT_MAX - *used, "%s%s=%c",
						  *used ? " " : "", options[i], *value);
	}
}

bool config_read(const char *path, char text[CONFIG_TEXT_MAX])
{
	gzFile file = gzopen(path, "re");
	char line[LINE_MAX_BYTES];
	bool begins = true; /* what was read last ended a line */
	size_t used = 0;

	if (!file)
		return false;
	while (gzgets(file, line, sizeof(line))) {
		bool whole = strchr(line, '\n');

		if (begins)
			config_take(line, text, &used);
		begins = whole;
	}
	gzclose(file);
	return used != 0;
}

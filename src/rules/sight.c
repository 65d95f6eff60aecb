// SPDX-License-Identifier: GPL-2.0
/*
 * Which hooks saw, as the sensors say of themselves: "sensor.program.N" names a program, and
 * says whether it is off; "sensor.sight.N" says whether it was proved to fire. Where others are
 * named a program that is not was not there yet; where none is all are believed, for the oldest captures
 * name none, but those that came later than they.
 */
#include <stdio.h>
#include "internal.h"

#define PROGRAM_FACT "sensor.program."
#define UNPROVEN "unproven"
#define REFUSED " refused: " /* and why; behind a program's name */

enum sight {
	SIGHT_UNKNOWN, /* the sensors that wrote this had no such program */
	SIGHT_OFF, /* not hooked: there is no such routine, or its sensors are off */
	SIGHT_REFUSED, /* not hooked, though there is such a routine */
	SIGHT_UNPROVEN,
	SIGHT_TRUSTED,
};

/* The newest fact that names @program: its number, and what stands behind the name. NULL: none. */
static const char *program_fact(const struct model *model, const char *program, const char **rest)
{
	size_t length = strlen(program);
	const char *key, *value, *found = NULL;

	for (size_t i = 0; model_fact(model, i, &key, &value); i++) {
		if (strncmp(key, PROGRAM_FACT, strlen(PROGRAM_FACT)) != 0 ||
		    strncmp(value, program, length) != 0 || (value[length] && value[length] != ' '))
			continue;
		found = key + strlen(PROGRAM_FACT);
		*rest = value + length;
	}
	return found;
}

static bool programs_named(const struct model *model)
{
	const char *key, *value;

	for (size_t i = 0; model_fact(model, i, &key, &value); i++) {
		if (!strncmp(key, PROGRAM_FACT, strlen(PROGRAM_FACT)))
			return true;
	}
	return false;
}

/* @why: what the sensors say of a program that is unproven or refused. */
static enum sight program_sight(const struct model *model, const char *program, const char **why)
{
	const char *rest = "", *number = program_fact(model, program, &rest), *value;
	char key[64];

	if (!number)
		return programs_named(model) ? SIGHT_UNKNOWN : SIGHT_TRUSTED;
	if (!strncmp(rest, REFUSED, strlen(REFUSED))) {
		*why = rest + strlen(REFUSED);
		return SIGHT_REFUSED;
	}
	if (*rest)
		return SIGHT_OFF;
	snprintf(key, sizeof(key), "sensor.sight.%s", number);
	value = model_fact_find(model, key);
	if (!value || strncmp(value, UNPROVEN, strlen(UNPROVEN)) != 0)
		return SIGHT_TRUSTED;
	*why = value;
	return SIGHT_UNPROVEN;
}

bool sight_gap(const struct model *model, char *reason, size_t size)
{
	const char *key, *value, *rest;

	for (size_t i = 0; model_fact(model, i, &key, &value); i++) {
		rest = strncmp(key, PROGRAM_FACT, strlen(PROGRAM_FACT)) ? NULL : strchr(value, ' ');
		if (!rest || strncmp(rest, REFUSED, strlen(REFUSED)) != 0 ||
		    value != model_fact_find(model, key))
			continue;
		snprintf(reason, size, "this kernel does not let %.*s be hooked: %.100s",
			 (int)(rest - value), value, rest + strlen(REFUSED));
		return true;
	}
	return false;
}

bool sight_trusted(const struct model *model, const char *program, char *reason, size_t size)
{
	const char *why = NULL;

	switch (program_sight(model, program, &why)) {
	case SIGHT_TRUSTED:
		return true;
	case SIGHT_UNPROVEN:
		snprintf(reason, size, "the hook %s is %s", program, why);
		return false;
	case SIGHT_REFUSED:
		snprintf(reason, size, "this kernel does not let %s be hooked: %s", program, why);
		return false;
	case SIGHT_OFF:
		snprintf(reason, size, "nothing to hook for it here: %s is off", program);
		return false;
	case SIGHT_UNKNOWN:
		break;
	}
	snprintf(reason, size, "who recorded this had no hook %s", program);
	return false;
}

/* One that saw is enough. */
static bool watches_any(const struct model *model, const struct rule *rule, char *reason,
			size_t size)
{
	const char *why = NULL, *unproven = NULL;
	bool known = false;

	for (size_t i = 0; i < RULE_PROGRAMS_MAX && rule->watches[i]; i++) {
		switch (program_sight(model, rule->watches[i], &why)) {
		case SIGHT_TRUSTED:
			return true;
		case SIGHT_UNPROVEN:
			unproven = rule->watches[i];
			break;
		case SIGHT_REFUSED:
		case SIGHT_OFF:
			known = true;
			break;
		case SIGHT_UNKNOWN:
			break;
		}
	}
	if (!rule->watches[0])
		return true;
	if (unproven)
		snprintf(reason, size, "the hook %s is %s", unproven, why);
	else if (!known)
		snprintf(reason, size, "who recorded this had no hook %s%s", rule->watches[0],
			 rule->watches[1] ? " or its like" : "");
	else
		snprintf(reason, size, "nothing to hook for it here: %s%s is off", rule->watches[0],
			 rule->watches[1] ? " and its like" : "");
	return false;
}

bool rule_sighted(const struct model *model, const struct rule *rule, char *reason, size_t size)
{
	const char *why = NULL;

	/* Where nothing was looked at nothing is wrong, and nothing right either. */
	if (rule->since &&
	    (!programs_named(model) || program_sight(model, rule->since, &why) == SIGHT_UNKNOWN)) {
		snprintf(reason, size, "who recorded this did not look at that yet");
		return false;
	}
	if (rule->needs & RULE_SEES_GAPS && sight_gap(model, reason, size))
		return false;
	if (!watches_any(model, rule, reason, size))
		return false;
	for (size_t i = 0; i < RULE_PROGRAMS_MAX && rule->trusts[i]; i++) {
		if (program_sight(model, rule->trusts[i], &why) != SIGHT_UNPROVEN)
			continue;
		snprintf(reason, size, "it rests on the hook %s, which is %s", rule->trusts[i],
			 why);
		return false;
	}
	return true;
}

bool sight_none(const struct model *model)
{
	static const char *const changes[] = { "zap_invalid_exit", "zap_default_exit",
					       "zap_valid_exit" };
	const char *why = NULL;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (program_sight(model, changes[i], &why) == SIGHT_TRUSTED)
			return false;
	}
	return true;
}

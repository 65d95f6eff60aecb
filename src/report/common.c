// SPDX-License-Identifier: GPL-2.0
/* Words that several reports use. */
#include "internal.h"

int report_done(FILE *out)
{
	if (fflush(out) || ferror(out))
		return -EIO;
	return 0;
}

const char *report_comm(const struct model_inode *inode, char *comm)
{
	size_t length = 0;

	for (; inode && inode->comm[length]; length++) {
		char c = inode->comm[length];

		comm[length] = c > ' ' && c < 0x7f && c != ';' ? c : '_';
	}
	if (!length)
		comm[length++] = '-';
	comm[length] = 0;
	return comm;
}

const char *report_clean(const char *text, char clean[REPORT_CLEAN_MAX])
{
	escape_text(clean, REPORT_CLEAN_MAX, text);
	return clean;
}

const char *report_range(__u64 first, __u64 last, char *range)
{
	if (first == last)
		snprintf(range, REPORT_RANGE_MAX, "0x%llx", (unsigned long long)first);
	else
		snprintf(range, REPORT_RANGE_MAX, "0x%llx-0x%llx", (unsigned long long)first,
			 (unsigned long long)last);
	return range;
}

const char *report_place(const struct verdict_violation *violation, char *place)
{
	char name[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX] = "-";

	model_inode_name(violation->inode, name, sizeof(name));
	if (violation->pgoff_known)
		report_range(violation->pgoff_first, violation->pgoff_last, range);
	snprintf(place, REPORT_PLACE_MAX, "%s:%s", name, range);
	return place;
}

const char *report_event(const struct model_event *event, char *text)
{
	const char *state = event->state ? "present" : "absent";
	char range[REPORT_RANGE_MAX];

	report_range(event->first, event->last, range);
	switch (event->kind) {
	case RECORD_REQUEST_BEGIN:
		snprintf(text, REPORT_EVENT_MAX, "%s begins, pages %s",
			 model_operation_name(event->operation), range);
		break;
	case RECORD_REQUEST_END:
		snprintf(text, REPORT_EVENT_MAX, "%s ends, pages %s, result %d",
			 model_operation_name(event->operation), range, event->result);
		break;
	case RECORD_ZAP:
		snprintf(text, REPORT_EVENT_MAX, "pfn %s made %s, result %d", range, state,
			 event->result);
		break;
	case RECORD_FLUSH:
		snprintf(text, REPORT_EVENT_MAX, "flush of %s",
			 event->state ? "everything" : range);
		break;
	case RECORD_JOIN:
		snprintf(text, REPORT_EVENT_MAX, "pages %s join the inode", range);
		break;
	case RECORD_LEAVE:
		snprintf(text, REPORT_EVENT_MAX, "pfn %s leaves its inode", range);
		break;
	case RECORD_PAGE_FREE:
		snprintf(text, REPORT_EVENT_MAX, "pfn %s is freed, %s", range,
			 event->state ? "present" : "absent in part");
		break;
	default:
		snprintf(text, REPORT_EVENT_MAX, "event %u", event->kind);
	}
	return text;
}

const char *report_not_judged(const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_not_judged *entry;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (entry->rule == rule)
			return entry->reason;
	}
	return NULL;
}

bool report_rule_violated(const struct verdict *verdict, const struct rule *rule)
{
	return rule->severity == RULE_SEVERITY_VIOLATION && !verdict_allows(verdict, rule) &&
	       verdict_rule_count(verdict, rule->id);
}

__s64 report_command_status(const struct verdict *verdict)
{
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	return counts.command_status;
}

/* How much of @words goes into @width columns: to a space, else to the end of a character. */
static size_t wrap_cut(const char *words, size_t width)
{
	size_t length = strlen(words), cut = width;

	if (length <= width)
		return length;
	while (cut && words[cut] != ' ')
		cut--;
	if (cut)
		return cut;
	for (cut = width; cut > 1 && ((unsigned char)words[cut] & 0xc0) == 0x80; cut--)
		;
	return cut;
}

void report_wrap(FILE *out, const char *words, const char *indent, size_t columns, size_t lines_max)
{
	size_t width = columns - strlen(indent), lines = 0;
	char clean[REPORT_CLEAN_MAX];

	for (words = report_clean(words, clean); *words; lines++) {
		size_t cut = wrap_cut(words, width);
		bool last = lines_max && lines + 1 == lines_max && words[cut];

		fprintf(out, "%s%.*s%s\n", indent, (int)cut, words, last ? " ..." : "");
		if (last)
			return;
		words += cut;
		while (*words == ' ')
			words++;
	}
}

void report_event_line(FILE *out, const struct model_event *event, const char *indent)
{
	char text[REPORT_EVENT_MAX];

	fprintf(out, "%s%6llu.%06llu s  CPU %-3u task %-7u %s\n", indent,
		(unsigned long long)(event->time / 1000000000),
		(unsigned long long)(event->time / 1000 % 1000000), event->cpu, event->tid,
		report_event(event, text));
}

int report_events_text(FILE *out, const struct model_event *events, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		report_event_line(out, &events[i], "");
	return report_done(out);
}

const char *report_allowed(const struct verdict *verdict, const struct rule *rule)
{
	const char *why = verdict_allows(verdict, rule);

	if (!why || !verdict_rule_count(verdict, rule->id))
		return NULL;
	return *why ? why : "allowed, no reason given";
}

__u64 report_duration(const struct verdict *verdict)
{
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	return counts.now > counts.started ? counts.now - counts.started : 0;
}

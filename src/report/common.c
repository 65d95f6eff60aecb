// SPDX-License-Identifier: GPL-2.0
/* Words that several reports use. */
#include "internal.h"
#include "map/map.h"
#include "model/plural.h"
#include "report/json.h"

int report_done(FILE *out)
{
	if (fflush(out) || ferror(out))
		return -EIO;
	return 0;
}

int report_json_done(FILE *out, struct json_object *object)
{
	int error = json_write(out, object,
			       JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				       JSON_C_TO_STRING_NOSLASHESCAPE);

	return error ? error : report_done(out);
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

const char *report_direction(__u32 operation, __u32 state, __u32 mode)
{
	switch (operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
	case RECORD_OPERATION_FOLIO_ZAP:
	case RECORD_OPERATION_UPDATE_XARRAY:
		return state ? "present" : "absent";
	case RECORD_OPERATION_FALLOCATE:
		return mode & RECORD_MODE_PUNCH_HOLE ? "hole" : "allocation";
	default:
		return NULL;
	}
}

const char *report_state(enum model_state state)
{
	return state == MODEL_PRESENT ? "present" : state == MODEL_ABSENT ? "absent" : NULL;
}

/* "set_range to absent", "fallocate of a hole" */
static const char *request_text(const struct model_event *event, char *text, size_t size)
{
	const char *way = report_direction(event->operation, event->state, event->mode);
	bool allocates = event->operation == RECORD_OPERATION_FALLOCATE;

	snprintf(text, size, "%s%s%s", model_operation_name(event->operation),
		 !way					? ""
		 : !allocates				? " to "
		 : event->mode & RECORD_MODE_PUNCH_HOLE ? " of a "
							: "",
		 way && (!allocates || event->mode & RECORD_MODE_PUNCH_HOLE) ? way : "");
	return text;
}

/* "read: xarray present, page table absent"; a source that said nothing is left out */
static void read_text(const struct model_event *event, const char *pages, char *text)
{
	const char *xarray = report_state(event->operation), *table = report_state(event->state);

	snprintf(text, REPORT_EVENT_MAX, "%s %s read:%s%s%s%s%s%s%s", pages,
		 plural_of(event->last - event->first + 1, "is", "are"), xarray ? " declared " : "",
		 xarray ? xarray : "", xarray && table ? "," : "", table ? " page table " : "",
		 table ? table : "", event->mode & MODEL_LEFT_LOCKED ? ", locked" : "",
		 event->mode & MODEL_LEFT_REFERENCED ? ", with references left" : "");
}

/* "page 0x7 joins the inode" */
static void join_text(const struct model_event *event, const char *pages, char *text)
{
	__u64 nr = event->last - event->first + 1;

	if (event->state)
		snprintf(text, REPORT_EVENT_MAX, "%s %s prepared", pages,
			 plural_of(nr, "is", "are"));
	else
		snprintf(text, REPORT_EVENT_MAX, "%s %s the inode", pages,
			 plural_of(nr, "joins", "join"));
}

const char *report_event(const struct model_event *event, char *text)
{
	const char *state = event->state ? "present" : "absent";
	char range[REPORT_RANGE_MAX], pages[REPORT_RANGE_MAX + 8], request[48];

	report_range(event->first, event->last, range);
	snprintf(pages, sizeof(pages), "page%s %s", plural(event->last - event->first + 1), range);
	switch (event->kind) {
	case RECORD_REQUEST_BEGIN:
		snprintf(text, REPORT_EVENT_MAX, "%s begins, %s",
			 request_text(event, request, sizeof(request)), pages);
		break;
	case RECORD_REQUEST_END:
		snprintf(text, REPORT_EVENT_MAX, "%s ends, %s, result %d",
			 request_text(event, request, sizeof(request)), pages, event->result);
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
		join_text(event, pages, text);
		break;
	case RECORD_LEAVE:
		snprintf(text, REPORT_EVENT_MAX, "pfn %s leaves its inode", range);
		break;
	case RECORD_PAGE_FREE:
		snprintf(text, REPORT_EVENT_MAX, "pfn %s is freed, %s", range,
			 event->state ? "present" : "absent in part");
		break;
	case RECORD_MAP_END:
		snprintf(text, REPORT_EVENT_MAX, "pass %u over the direct map: pfn %s absent, %s",
			 event->mode, range, map_owner_name(event->operation));
		break;
	case RECORD_SLEEP:
		snprintf(text, REPORT_EVENT_MAX, "the task %s sleep, with preempt_count 0x%x",
			 event->mode ? "may" : "is to", event->state);
		break;
	case RECORD_STALE:
		snprintf(text, REPORT_EVENT_MAX,
			 "its handler of the flush has run, and pfn %s can be read", range);
		break;
	case RECORD_SNAPSHOT_END:
		read_text(event, pages, text);
		break;
	case RECORD_PROMISE:
		snprintf(text, REPORT_EVENT_MAX, "conversion of gfns %s to %s ends, result %d",
			 range, event->state ? "shared" : "private", event->result);
		break;
	case RECORD_GUEST_MAPPED:
		snprintf(text, REPORT_EVENT_MAX, "%s is entered into the guest's page table",
			 pages);
		break;
	case RECORD_GUEST_UNMAPPED:
		snprintf(text, REPORT_EVENT_MAX, "%s is taken out of the guest's page table",
			 pages);
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

/* "all 4 are", of as many pages as the line above it tells of. */
static void pattern_all(const struct verdict_pattern *pattern, char *text, size_t size)
{
	unsigned long long causes = pattern->causes, pages = pattern->pages;

	if (causes <= 1 && pages <= 1)
		snprintf(text, size, "it is%s",
			 strncmp(pattern->what, "pages ", 6) ? "" : " one of the");
	else if (causes <= 1)
		snprintf(text, size, "they are");
	else if (!pages || pages == causes)
		snprintf(text, size, "all %llu are", causes);
	else
		snprintf(text, size, "all %llu, of %llu causes, are", pages, causes);
}

const char *report_pattern(const struct verdict_pattern *pattern, char *line)
{
	char all[64];

	pattern_all(pattern, all, sizeof(all));
	snprintf(line, REPORT_PATTERN_MAX, "%s %s%s%s", all, pattern->what,
		 *pattern->also ? "; " : "", pattern->also);
	return line;
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

bool report_event_placed(const struct model_event *event)
{
	return event->kind != RECORD_SNAPSHOT_END && event->kind != RECORD_PROMISE &&
	       event->kind != RECORD_MAP_END;
}

void report_event_line(FILE *out, const struct model_event *event, const char *indent)
{
	char text[REPORT_EVENT_MAX];

	fprintf(out, "%s%6llu.%06llu s  ", indent, (unsigned long long)(event->time / 1000000000),
		(unsigned long long)(event->time / 1000 % 1000000));
	if (report_event_placed(event))
		fprintf(out, "CPU %-3u task %-7u ", event->cpu, event->tid);
	else
		fprintf(out, "%-20s ", "");
	fprintf(out, "%s\n", report_event(event, text));
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

const char *report_narrowed(const struct verdict *verdict, char *words)
{
	__u64 first, last, left_out = verdict_left_out(verdict);
	char range[REPORT_RANGE_MAX];

	if (!verdict_narrowed(verdict, &first, &last))
		return NULL;
	snprintf(words, REPORT_CLEAN_MAX,
		 "only page%s %s of each inode %s judged: %llu violation%s of other pages %s left "
		 "out",
		 plural_of(last - first + 1, "", "s"), report_range(first, last, range),
		 plural_of(last - first + 1, "is", "are"), (unsigned long long)left_out,
		 plural(left_out), plural_of(left_out, "is", "are"));
	return words;
}

__u64 report_duration(const struct verdict *verdict)
{
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	return counts.now > counts.started ? counts.now - counts.started : 0;
}

void report_github_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	/* The format's own escape; what would break its line is escaped already. */
	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '%')
			fputs("%25", out);
		else
			fputc(*text, out);
	}
}

// SPDX-License-Identifier: GPL-2.0
#include "model/plural.h"
#include "report/story.h"

#define LONG_EXPOSURE 100000000ULL /* ns: no longer what a flush usually takes */

const char *story_time(__u64 ns, char text[STORY_TIME_MAX])
{
	if (ns < 1000)
		snprintf(text, STORY_TIME_MAX, "%llu ns", (unsigned long long)ns);
	else if (ns < 1000000)
		snprintf(text, STORY_TIME_MAX, "%llu us", (unsigned long long)(ns / 1000));
	else if (ns < 1000000000)
		snprintf(text, STORY_TIME_MAX, "%llu.%03llu ms", (unsigned long long)(ns / 1000000),
			 (unsigned long long)(ns / 1000 % 1000));
	else
		snprintf(text, STORY_TIME_MAX, "%llu.%03llu s",
			 (unsigned long long)(ns / 1000000000),
			 (unsigned long long)(ns / 1000000 % 1000));
	return text;
}

const char *story_label(const struct story_step *step)
{
	switch (step->kind) {
	case STORY_MET:
		return "inode met";
	case STORY_JOINED:
		return "faulted in";
	case STORY_PREPARED:
		return "prepared";
	case STORY_CHANGED:
		if (step->result)
			return "not changed";
		if (step->again)
			return step->present ? "present already" : "absent already";
		return step->present ? "made present" : "made absent";
	case STORY_FLUSHED:
		return step->exposed >= LONG_EXPOSURE ? "EXPOSED" : "flushed";
	case STORY_UNFLUSHED:
		return "NOT FLUSHED";
	case STORY_REQUESTED:
		if (step->request.operation == RECORD_OPERATION_ERROR_FOLIO)
			return "memory failure";
		if (step->request.result < 0)
			return "request failed";
		return step->request.state ? "declared present" : "declared absent";
	case STORY_READ:
		return step->proven || step->differs ? "READ, DIFFERS" : "read";
	case STORY_LEFT:
		return "left the inode";
	case STORY_FREED:
		return step->absent ? "FREED ABSENT" : "freed";
	case STORY_TAKEN:
		return "its frame went on";
	case STORY_RELEASED:
		return "inode released";
	case STORY_LOST:
		return "LOST";
	default:
		return "?";
	}
}

static size_t append(char text[STORY_TEXT_MAX], const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, STORY_TEXT_MAX - length, "%s%s", length && *more != ';' ? " " : "",
		 more);
	return strlen(text);
}

/* "set_range 0x8-0x107", inside what it was called from. */
static void append_request(char text[STORY_TEXT_MAX], const struct story_request *request)
{
	char range[REPORT_RANGE_MAX], words[STORY_TEXT_MAX];

	/* All of the inode, whatever its size. */
	if (request->last == ~0ULL)
		*range = '\0';
	else
		report_range(request->first, request->last, range);
	snprintf(words, sizeof(words), "%s%s%s", model_operation_name(request->operation),
		 *range ? " " : "", range);
	append(text, words);
	if (request->outer == request->operation || !request->outer)
		return;
	snprintf(words, sizeof(words), "in %s", model_operation_name(request->outer));
	append(text, words);
}

static void append_task(char text[STORY_TEXT_MAX], const struct story_step *step)
{
	char words[64];

	if (!step->tid)
		return;
	snprintf(words, sizeof(words), "(task %u, CPU %u)", step->tid, step->cpu);
	append(text, words);
}

static void append_by(char text[STORY_TEXT_MAX], const struct story_step *step)
{
	if (step->request.operation) {
		append(text, "by");
		append_request(text, &step->request);
	}
	append_task(text, step);
}

static const char *inode_name(const struct story *story, __u64 number,
			      char name[MODEL_INODE_NAME_MAX])
{
	model_inode_name(model_inode_find(story_model(story), number), name, MODEL_INODE_NAME_MAX);
	return name;
}

static void words_met(const struct story *story, const struct story_step *step,
		      char text[STORY_TEXT_MAX])
{
	const struct model_inode *inode = model_inode_find(story_model(story), step->inode);

	if (inode && inode->before_attach)
		append(text, "it existed before: what happened until here is not known");
	else
		append(text, "from its first event on");
}

static void words_joined(const struct story *story, const struct story_step *step,
			 char text[STORY_TEXT_MAX])
{
	char name[MODEL_INODE_NAME_MAX], words[96];

	snprintf(words, sizeof(words), "pfn 0x%llx", (unsigned long long)step->pfn);
	append(text, words);
	if (story_subject(story)->about == STORY_FRAME) {
		snprintf(words, sizeof(words), "as %s:0x%llx", inode_name(story, step->inode, name),
			 (unsigned long long)step->pgoff);
		append(text, words);
	}
	append_by(text, step);
}

static void words_changed(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	char words[64];

	append_by(text, step);
	if (step->result) {
		snprintf(words, sizeof(words), "to %s: %s", step->present ? "present" : "absent",
			 strerror(-step->result));
		append(text, words);
	}
	if (step->run > 1) {
		snprintf(words, sizeof(words), "in a run of %llu pages%s",
			 (unsigned long long)step->run,
			 step->run == MODEL_RUN_MAX ? " or more" : "");
		append(text, words);
	}
	if (step->present && !step->result)
		append(text, "; needs no flush");
	else if (step->again && !step->result)
		append(text, "; flushed before");
}

static void words_flush_size(const struct story_step *step, char words[64])
{
	if (!step->flush_begin)
		snprintf(words, 64, "a flush");
	else if (!step->flush_pages)
		snprintf(words, 64, "a flush of everything");
	else
		snprintf(words, 64, "a flush of %llu page%s", (unsigned long long)step->flush_pages,
			 plural(step->flush_pages));
}

static void words_flushed(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	__u64 zapped = step->time - step->exposed;
	char time[STORY_TIME_MAX], waited[STORY_TIME_MAX], took[STORY_TIME_MAX], size[64];

	words_flush_size(step, size);
	snprintf(text, STORY_TEXT_MAX, "%s %s by %s%s",
		 step->exposed >= LONG_EXPOSURE ? "for" : "after", story_time(step->exposed, time),
		 size, step->own ? "" : " that another task needed");
	append_task(text, step);
	if (step->exposed < LONG_EXPOSURE || step->flush_begin < zapped)
		return;
	snprintf(text + strlen(text), STORY_TEXT_MAX - strlen(text),
		 ": it began %s after the change and took %s",
		 story_time(step->flush_begin - zapped, waited),
		 story_time(step->time - step->flush_begin, took));
}

static void words_unflushed(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	append_by(text, step);
	append(text, step->missed      ? "has ended: its flushes do not cover the page"
		     : step->otherwise ? "has ended, unless what it had all CPUs run was a flush"
		     : step->request.operation ? "has ended without a flush"
					       : "has not flushed it");
}

static void words_requested(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	append_by(text, step);
	if (step->request.result < 0) {
		append(text, step->request.state ? "to present:" : "to absent:");
		append(text, strerror((int)-step->request.result));
	} else if (step->request.operation == RECORD_OPERATION_SET_RANGE ||
		   step->request.operation == RECORD_OPERATION_SET_FOLIO) {
		append(text, "; no entry had to be changed");
	}
}

static const char *state_name(enum model_state state)
{
	switch (state) {
	case MODEL_PRESENT:
		return "present";
	case MODEL_ABSENT:
		return "absent";
	default:
		return "not known";
	}
}

static void words_read(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	char words[160];

	if (step->reads > 1) {
		snprintf(words, sizeof(words), "%llu times:", (unsigned long long)step->reads);
		append(text, words);
	}
	if (!(step->bits & (RECORD_PAGE_RESIDENT | RECORD_PAGE_RESIDENT_UNKNOWN))) {
		snprintf(words, sizeof(words), "nothing there, xarray %s%s",
			 state_name(step->xarray),
			 step->bits & RECORD_PAGE_DEVIATES ? " (an entry)" : "");
		append(text, words);
		return;
	}
	snprintf(words, sizeof(words), "xarray %s%s, page table %s%s, model %s%s%s",
		 state_name(step->xarray),
		 step->bits & RECORD_PAGE_DEVIATES ? " (an entry: deviates)" : "",
		 state_name(step->table),
		 step->bits & RECORD_PAGE_NON_GLOBAL ? " (not global)" : "",
		 state_name(step->applied),
		 step->bits & RECORD_PAGE_PREPARED ? "" : ", not prepared",
		 step->bits & RECORD_PAGE_POISONED ? ", poisoned" : "");
	append(text, words);
	if (!step->settled)
		append(text, "(while something touched it: not compared)");
}

static void words_lost(const struct story_step *step, char text[STORY_TEXT_MAX])
{
	char span[STORY_TIME_MAX];

	story_time(step->time > step->since ? step->time - step->since : 0, span);
	if (step->cause)
		snprintf(text, STORY_TEXT_MAX,
			 "%llu %s (%s) in %s: what happened then may not be known",
			 (unsigned long long)step->lost,
			 plural_of(step->lost, "record or call", "records or calls"),
			 record_loss_name(step->cause), span);
	else
		snprintf(text, STORY_TEXT_MAX,
			 "a call was not seen from its begin to its end, in %s: what it did may "
			 "not be known",
			 span);
}

const char *story_text(const struct story *story, const struct story_step *step,
		       char text[STORY_TEXT_MAX])
{
	char name[MODEL_INODE_NAME_MAX];

	*text = 0;
	switch (step->kind) {
	case STORY_MET:
		words_met(story, step, text);
		break;
	case STORY_JOINED:
		words_joined(story, step, text);
		break;
	case STORY_CHANGED:
		words_changed(step, text);
		break;
	case STORY_FLUSHED:
		words_flushed(step, text);
		break;
	case STORY_UNFLUSHED:
		words_unflushed(step, text);
		break;
	case STORY_REQUESTED:
		words_requested(step, text);
		break;
	case STORY_READ:
		words_read(step, text);
		break;
	case STORY_TAKEN:
		snprintf(text, STORY_TEXT_MAX, "pfn 0x%llx is %s:0x%llx from here on",
			 (unsigned long long)step->pfn, inode_name(story, step->inode, name),
			 (unsigned long long)step->pgoff);
		append_task(text, step);
		break;
	case STORY_RELEASED:
		snprintf(text, STORY_TEXT_MAX, "%s is gone", inode_name(story, step->inode, name));
		break;
	case STORY_LOST:
		words_lost(step, text);
		break;
	default:
		append_by(text, step);
	}
	return text;
}

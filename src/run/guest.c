// SPDX-License-Identifier: GPL-2.0
#include "gmemtrace/story.h"
#include "providers/provider.h"
#include "run/guest.h"

#define PAGE_SHIFT 12
#define GMEM_FLAG_MMAP 1 /* GUEST_MEMFD_FLAG_MMAP (6.18) */

struct search {
	struct guest_page *page;
	struct run *run;
	bool live;
};

/* Not nr << PAGE_SHIFT, which a hostile capture makes overflow. */
static bool read_covers(const struct record_promise_read *read, uint64_t address)
{
	return read->address && address >= read->address &&
	       (address - read->address) >> PAGE_SHIFT < read->nr;
}

static bool process_is(const struct model_inode *inode, uint32_t pid)
{
	return inode->vm ? inode->vm == pid : inode->tgid == pid;
}

/* From 6.18 on a slot that is bound to such an inode has all of its pages there (KVM_MEMSLOT_GMEM_ONLY). */
static bool inode_mappable(const struct model_inode *inode)
{
	return !provider_has(inode->provider, PROVIDER_TAKES_REQUESTS) &&
	       inode->flags & GMEM_FLAG_MMAP;
}

static void on_promise_read(void *context, const struct model_inode *inode,
			    const struct record_promise_read *read)
{
	struct search *search = context;
	struct guest_page *page = search->page;
	uint64_t skip;

	if (!process_is(inode, page->pid) || !read_covers(read, page->address))
		return;
	skip = (page->address - read->address) >> PAGE_SHIFT;
	page->found = true;
	page->is_private = read->attributes & RECORD_ATTRIBUTE_PRIVATE;
	page->mappable = inode_mappable(inode);
	page->inode = inode->number;
	page->i_ino = inode->i_ino;
	page->pgoff = read->pgoff + skip;
	page->gfn = read->gfn + skip;
	if (search->live)
		run_enough(search->run);
}

enum gmemtrace_status guest_find(const struct run_options *given, struct guest_page *page)
{
	struct story_subject subject = { .about = STORY_ADDRESS };
	struct run_options options = *given;
	struct search search = { .page = page, .live = !options.file };
	struct model_observer observer = { .context = &search, .promise_read = on_promise_read };
	enum gmemtrace_status status;
	struct run_result result;

	/* The story's own run follows: nothing is written, run or waited for here. */
	options.subject = &subject;
	options.command = NULL;
	options.capture = NULL;
	options.since = 0;
	options.map = false;
	options.settle = 0;
	options.duration = GUEST_SEARCH_NS;
	status = run_open(&search.run, &options);
	if (status)
		return status;
	if (model_observe(run_model(search.run), &observer))
		status = GMEMTRACE_ERROR;
	else
		status = run_source(search.run, NULL, &result);
	run_close(search.run);
	return status;
}

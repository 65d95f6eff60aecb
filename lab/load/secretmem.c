// SPDX-License-Identifier: GPL-2.0
/* memfd_secret: every page that is touched leaves the direct map, on stock kernels too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* Pages mapped at once by a thread, before the limit of locked memory is looked at. */
#define CHUNK_PAGES 512
#define WORDS_PER_PAGE (LOAD_PAGE_SIZE / sizeof(uint64_t))

struct secretmem {
	const struct load_options *options;
	uint64_t chunk_pages;
};

struct chunk {
	uint64_t pages;
	uint64_t *words;
};

static int probe(void)
{
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0 && errno == ENOSYS)
		return load_cannot_run(
			"memfd_secret is not available: boot with secretmem.enable=1 (before Linux "
			"6.5), or this kernel has no CONFIG_SECRETMEM");
	if (fd < 0)
		return load_cannot_run("memfd_secret: %s", strerror(errno));
	close(fd);
	return LOAD_OK;
}

/*
 * Secret memory counts as locked memory, for root too, and touching a page over the limit is SIGBUS:
 * what all threads have mapped at once stays below half of it.
 */
static uint64_t chunk_pages(const struct load_options *options)
{
	uint64_t pages = CHUNK_PAGES;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY) {
		uint64_t allowed = limit.rlim_cur / LOAD_PAGE_SIZE / 2 / options->threads;
		if (allowed < pages)
			pages = allowed;
	}
	return pages;
}

static int chunk_map(struct chunk *chunk, uint64_t pages)
{
	uint64_t size = pages * LOAD_PAGE_SIZE;
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		return load_fail("memfd_secret: %s", strerror(errno));
	if (ftruncate(fd, size)) {
		close(fd);
		return load_fail("ftruncate of a memfd_secret: %s", strerror(errno));
	}
	chunk->pages = pages;
	chunk->words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* The mapping keeps the inode, which then is in no descriptor table. */
	close(fd);
	if (chunk->words == MAP_FAILED)
		return load_fail("mmap of %llu secret pages: %s", (unsigned long long)pages,
				 strerror(errno));
	return LOAD_OK;
}

static uint64_t *page_word(const struct chunk *chunk, uint64_t page)
{
	return chunk->words + page * WORDS_PER_PAGE + page % WORDS_PER_PAGE;
}

/* New pages are zero, and hold what is written. */
static int chunk_touch(const struct chunk *chunk, uint64_t key)
{
	uint64_t page;

	for (page = 0; page < chunk->pages; page++) {
		uint64_t *word = page_word(chunk, page);

		if (*word)
			return load_fail("secret page %llu is not zero", (unsigned long long)page);
		*word = key ^ page;
	}
	for (page = 0; page < chunk->pages; page++) {
		if (*page_word(chunk, page) != (key ^ page))
			return load_fail("secret page %llu lost what was written",
					 (unsigned long long)page);
	}
	load_counters.faulted += chunk->pages;
	load_counters.transitions += 2 * chunk->pages;
	load_counters.verified += chunk->pages;
	return LOAD_OK;
}

static int touch_chunk(uint64_t pages, uint64_t key)
{
	struct chunk chunk = {};
	int status = chunk_map(&chunk, pages);

	if (status)
		return status;
	status = chunk_touch(&chunk, key);
	munmap(chunk.words, pages * LOAD_PAGE_SIZE);
	load_counters.requests++;
	return status;
}

static int secretmem_work(unsigned int thread, void *context)
{
	struct secretmem *secretmem = context;
	struct load_random random = load_random_start(secretmem->options->seed, thread);
	uint64_t left = secretmem->options->pages * secretmem->options->rounds;
	int status = LOAD_OK;

	while (left && !status && !load_stop) {
		uint64_t pages = left < secretmem->chunk_pages ? left : secretmem->chunk_pages;

		status = touch_chunk(pages, load_random_next(&random));
		left -= pages;
	}
	return status;
}

/* Something for a tracer to look at: a chunk that stays for the time of the hold. */
static int hold_chunk(const struct secretmem *secretmem)
{
	struct chunk chunk = {};
	int status;

	if (!secretmem->options->hold)
		return LOAD_OK;
	status = chunk_map(&chunk, secretmem->chunk_pages);
	if (status)
		return status;
	status = chunk_touch(&chunk, secretmem->options->seed);
	if (!status)
		load_hold(secretmem->options);
	munmap(chunk.words, secretmem->chunk_pages * LOAD_PAGE_SIZE);
	return status;
}

int scenario_secretmem(const struct load_options *options)
{
	struct secretmem secretmem = { options, chunk_pages(options) };
	uint64_t begin = load_now_ns();
	int status = probe();

	if (status)
		return status;
	if (!secretmem.chunk_pages)
		return load_cannot_run(
			"the limit of locked memory (ulimit -l) is too low for %u threads",
			options->threads);
	status = load_run_threads(options->threads, secretmem_work, &secretmem);
	if (status)
		return status;
	load_summary("secretmem", options, begin);
	return hold_chunk(&secretmem);
}

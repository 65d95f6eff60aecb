// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "view/board.h"

#define WINDOW 5000000000ULL /* ns: latencies are those of one to two of them */
#define NUMBER_MAX (1ULL << 22)
#define SPARK_MAX 0xffff

static struct board_inode *inode_of(struct board *board, const struct model_inode *inode)
{
	__u32 at = inode && inode->number < board->index_nr ? board->index[inode->number] : 0;

	return at && board->inodes ? &board->inodes[at - 1] : NULL;
}

/* Numbers are given one after the other; whose is absurd is not on the board. */
static bool index_room(struct board *board, __u64 number)
{
	size_t nr = (size_t)number + 64 + board->index_nr;
	__u32 *more;

	if (number < board->index_nr)
		return true;
	more = number < NUMBER_MAX ? realloc(board->index, nr * sizeof(*more)) : NULL;
	if (!more)
		return false;
	memset(more + board->index_nr, 0, (nr - board->index_nr) * sizeof(*more));
	board->index = more;
	board->index_nr = nr;
	return true;
}

static void on_inode_met(void *context, const struct model_inode *inode)
{
	struct board *board = context;

	if (!index_room(board, inode->number) || inode_of(board, inode))
		return;
	if (board->nr == board->room) {
		size_t room = board->room ? board->room * 2 : 16;
		struct board_inode *more = realloc(board->inodes, room * sizeof(*more));

		board->failed |= !more;
		if (!more)
			return;
		board->inodes = more;
		board->room = room;
	}
	board->inodes[board->nr++] = (struct board_inode){ .inode = inode };
	board->index[inode->number] = (__u32)board->nr;
}

static void on_request_ended(void *context, const struct model_request *request)
{
	struct board *board = context;
	struct board_request *kept;

	if (request->depth || request->operation == RECORD_OPERATION_CONFIGURE ||
	    request->operation == RECORD_OPERATION_CONFIGURE_BATCH ||
	    request->operation == RECORD_OPERATION_UPDATE_XARRAY)
		return;
	kept = &board->requests[board->requests_nr++ % BOARD_REQUESTS];
	*kept = (struct board_request){
		.begin = request->begin,
		.end = request->end,
		.inode = request->inode,
		.tid = request->tid,
		.tgid = request->tgid,
		.cpu = request->cpu,
		.operation = request->operation,
		.state = request->state,
		.mode = request->mode,
		.first = request->pgoff_first,
		.last = request->pgoff_last,
		.result = request->result,
		.zaps = request->zaps_nr,
		.flushes = request->flushes_nr,
		.flush_pages = 1,
	};
	for (size_t i = 0; i < request->flushes_nr; i++) {
		const struct model_flush *flush = &request->flushes[i];

		kept->flush_ns += flush->end - flush->begin;
		kept->flush_pages = flush->full ? 0 : flush->pfn_last - flush->pfn_first + 1;
	}
}

static void slowest_add(struct board *board, const struct board_flush *flush)
{
	size_t at = board->slowest_nr;

	while (at && board->slowest[at - 1].end - board->slowest[at - 1].begin <
			     flush->end - flush->begin)
		at--;
	if (at == BOARD_SLOWEST)
		return;
	if (board->slowest_nr < BOARD_SLOWEST)
		board->slowest_nr++;
	memmove(&board->slowest[at + 1], &board->slowest[at],
		(board->slowest_nr - at - 1) * sizeof(*flush));
	board->slowest[at] = *flush;
}

static void caller_add(struct board *board, const struct board_flush *flush)
{
	struct board_caller *caller = board->callers;
	__u64 ns = flush->end - flush->begin;
	size_t i = 0;

	while (i < board->callers_nr &&
	       (caller[i].tgid != flush->tgid || caller[i].operation != flush->operation))
		i++;
	/* There is no room for more: the last one stands for all that come later. */
	if (i == BOARD_CALLERS)
		i--;
	if (i == board->callers_nr) {
		board->callers_nr++;
		caller[i] =
			(struct board_caller){ .tgid = flush->tgid, .operation = flush->operation };
		if (flush->inode)
			memcpy(caller[i].comm, flush->inode->comm, sizeof(caller[i].comm));
	}
	caller[i].flushes++;
	caller[i].ns += ns;
	caller[i].most = caller[i].most < ns ? ns : caller[i].most;
}

static void cpu_add(struct board_cpu *cpu, __u64 ns)
{
	cpu->flushes++;
	cpu->ns += ns;
	cpu->most = cpu->most < ns ? ns : cpu->most;
}

static void on_flushed(void *context, const struct model_flush *flush,
		       const struct model_request *request, const struct model_inode *inode)
{
	struct board_flush kept = {
		.begin = flush->begin,
		.end = flush->end,
		.inode = inode,
		.tid = flush->tid,
		.tgid = flush->tgid,
		.cpu = flush->cpu,
		.pages = flush->full ? 0 : flush->pfn_last - flush->pfn_first + 1,
		.operation = request ? request->operation : RECORD_OPERATION_NONE,
		.first = request ? request->pgoff_first : 0,
		.last = request ? request->pgoff_last : 0,
	};
	struct board *board = context;
	struct board_inode *entry = inode_of(board, inode);

	if (kept.end < kept.begin)
		return;
	histogram_add(&board->flushes, kept.end - kept.begin, 1);
	if (entry)
		histogram_add(&entry->flushes, kept.end - kept.begin, 1);
	slowest_add(board, &kept);
	caller_add(board, &kept);
	cpu_add(&board->cpus[0][kept.cpu % BOARD_CPUS], kept.end - kept.begin);
}

static void on_flush_timed(void *context, const struct record_flush_timed *flush,
			   const struct model_request *request, const struct model_inode *inode)
{
	struct board *board = context;
	__u64 answered =
		flush->late_left > flush->late_entered ? flush->late_left : flush->late_entered;

	(void)request;
	(void)inode;
	if (!flush->asked || answered < flush->asked)
		return;
	cpu_add(&board->late[0][flush->late_cpu % BOARD_CPUS], answered - flush->asked);
	board->late_nr++;
}

static void on_zapped(void *context, const struct model_zap *zap,
		      const struct model_request *request)
{
	struct board *board = context;
	struct board_inode *entry = inode_of(board, zap->inode);

	(void)request;
	if (entry && !zap->valid && !zap->result && !entry->exposed_since)
		entry->exposed_since = zap->end;
}

static void on_exposure_ended(void *context, const struct model_exposure *exposure)
{
	struct board *board = context;
	struct board_inode *entry = inode_of(board, exposure->inode);

	histogram_add(&board->exposures, exposure->end - exposure->begin, exposure->nr);
	if (!entry)
		return;
	histogram_add(&entry->exposures, exposure->end - exposure->begin, exposure->nr);
	/* Of those that are left the oldest is not older than this one was. */
	entry->exposed_since = exposure->inode->exposed ? exposure->begin : 0;
}

static void on_page_read(void *context, const struct model_read *read)
{
	struct board_inode *entry = inode_of(context, read->inode);

	if (entry && read->settled && read->table != MODEL_EITHER)
		entry->compared = read->end;
}

static void mark_add(struct board *board, enum board_mark_kind kind, __u64 time)
{
	if (board->marks_nr < BOARD_MARKS)
		board->marks[board->marks_nr++] = (struct board_mark){ kind, time };
}

static void on_doubt(void *context, const struct model_doubt *doubt)
{
	if (doubt->reason == MODEL_DOUBT_LOSS)
		mark_add(context, BOARD_LOSS, doubt->until);
}

/* Since the oldest slice, which makes room for this one. */
static void rates_take(const struct board *board, struct board_rates *rates,
		       const struct board_sums *now, __u64 elapsed)
{
	struct board_sums *slice = &rates->slices[board->ticks % BOARD_SLICES];
	double seconds = (double)elapsed / 1e9;

	rates->zaps = (double)(now->zapped - slice->zapped) / seconds;
	rates->restores = (double)(now->restored - slice->restored) / seconds;
	rates->flushes_s = (double)(now->flushes - slice->flushes) / seconds;
	rates->busy = (double)(now->flush_ns - slice->flush_ns) / (double)elapsed;
	*slice = *now;
}

static const struct board_sums *slice_last(const struct board *board,
					   const struct board_rates *rates)
{
	return &rates->slices[(board->ticks + BOARD_SLICES - 1) % BOARD_SLICES];
}

static void sparks_push(__u16 *sparks, __u64 value)
{
	memmove(sparks, sparks + 1, (BOARD_SPARKS - 1) * sizeof(*sparks));
	sparks[BOARD_SPARKS - 1] = value < SPARK_MAX ? (__u16)value : SPARK_MAX;
}

static void histogram_turn(struct board_histogram *histogram)
{
	memcpy(histogram->counts[1], histogram->counts[0], sizeof(histogram->counts[0]));
	memset(histogram->counts[0], 0, sizeof(histogram->counts[0]));
	histogram->ns[1] = histogram->ns[0];
	histogram->most[1] = histogram->most[0];
	histogram->total[1] = histogram->total[0];
	histogram->ns[0] = histogram->most[0] = histogram->total[0] = 0;
}

static void cpus_turn(struct board_cpu cpus[2][BOARD_CPUS])
{
	memcpy(cpus[1], cpus[0], sizeof(cpus[0]));
	memset(cpus[0], 0, sizeof(cpus[0]));
}

static void window_turn(struct board *board, __u64 now)
{
	if (!board->window)
		board->window = now;
	if (now - board->window < WINDOW)
		return;
	board->window = now;
	histogram_turn(&board->flushes);
	histogram_turn(&board->exposures);
	for (size_t i = 0; i < board->nr; i++) {
		histogram_turn(&board->inodes[i].flushes);
		histogram_turn(&board->inodes[i].exposures);
	}
	board->ring.waiting[1] = board->ring.waiting[0];
	board->ring.waiting[0] = 0;
	board->slowest_nr = 0;
	board->callers_nr = 0;
	cpus_turn(board->cpus);
	cpus_turn(board->late);
}

static void violations_take(struct board *board, __u64 now)
{
	size_t violations = board->verdict ? verdict_violations(board->verdict) : 0;

	if (violations == board->violations)
		return;
	/* Fewer: some have become one, or were taken back. */
	if (violations > board->violations)
		mark_add(board, BOARD_VIOLATION, now);
	board->violations = violations;
	for (size_t i = 0; i < board->nr; i++)
		board->inodes[i].violations = 0;
	for (size_t i = 0; i < violations; i++) {
		struct board_inode *entry =
			inode_of(board, verdict_violation(board->verdict, i)->inode);

		if (entry)
			entry->violations++;
	}
}

static void inode_tick(const struct board *board, struct board_inode *entry, struct board_sums *sum,
		       __u64 elapsed)
{
	const struct model_inode *inode = entry->inode;
	const struct board_sums *last = slice_last(board, &entry->rates);
	struct board_sums now = { .zapped = inode->zapped,
				  .restored = inode->restored,
				  .flushes = inode->flushes,
				  .flush_ns = inode->flush_ns };

	if (board->narrowed)
		now = (struct board_sums){ .zapped = inode->within.zapped,
					   .restored = inode->within.restored,
					   .flushes = inode->within.flushes,
					   .flush_ns = inode->within.flush_ns };
	sparks_push(entry->sparks, now.zapped + now.restored - last->zapped - last->restored);
	rates_take(board, &entry->rates, &now, elapsed);
	sum->zapped += now.zapped;
	sum->restored += now.restored;
	sum->flushes += now.flushes;
	sum->flush_ns += now.flush_ns;
}

static void ring_tick(struct board_ring *ring, __u64 bytes, __u64 *slice, __u64 elapsed)
{
	ring->rate = bytes > *slice ? (double)(bytes - *slice) * 1e9 / (double)elapsed : 0;
	*slice = bytes;
}

static void board_tick(struct board *board, __u64 now)
{
	__u64 *oldest = &board->times[board->ticks % BOARD_SLICES];
	struct board_sums sum = { .zapped = 0 };
	const struct board_sums *last = slice_last(board, &board->rates);
	__u64 elapsed = now - *oldest;

	for (size_t i = 0; i < board->nr; i++)
		inode_tick(board, &board->inodes[i], &sum, elapsed);
	sparks_push(board->sparks, sum.zapped + sum.restored - last->zapped - last->restored);
	rates_take(board, &board->rates, &sum, elapsed);
	ring_tick(&board->ring, board->ring.bytes, &board->ring.slices[board->ticks % BOARD_SLICES],
		  elapsed);
	*oldest = now;
	board->ticks++;
	violations_take(board, now);
	window_turn(board, now);
}

static void on_advanced(void *context, __u64 now)
{
	struct board *board = context;
	struct model_counts counts;
	__u64 last = board->times[(board->ticks + BOARD_SLICES - 1) % BOARD_SLICES];

	model_count(board->model, &counts);
	board->ring.bytes = counts.ring_bytes;
	if (counts.ring_waiting > board->ring.waiting[0])
		board->ring.waiting[0] = counts.ring_waiting;
	/* Of the first interval rates are what was since its begin. */
	for (size_t i = 0; !last && i < BOARD_SLICES; i++)
		board->times[i] = now;
	if (last && now - last >= board->interval / BOARD_SLICES)
		board_tick(board, now);
}

static void on_finished(void *context, __u64 now)
{
	struct board *board = context;

	if (now > board->times[board->ticks % BOARD_SLICES])
		board_tick(board, now);
}

struct model_page_counts board_pages(const struct board *board, const struct board_inode *entry)
{
	const struct model_inode *inode = entry->inode;
	struct model_page_counts counts = { .pages = inode->pages,
					    .resident = inode->resident,
					    .absent = inode->absent,
					    .exposed = inode->exposed };

	if (board->narrowed)
		model_count_pages(board->model, inode, board->first, board->last, &counts);
	return counts;
}

struct board *board_create(struct model *model, const struct verdict *verdict, __u64 interval)
{
	struct board *board = calloc(1, sizeof(*board));
	struct model_observer observer = {
		.context = board,
		.inode_met = on_inode_met,
		.request_ended = on_request_ended,
		.zapped = on_zapped,
		.flushed = on_flushed,
		.flush_timed = on_flush_timed,
		.exposure_ended = on_exposure_ended,
		.page_read = on_page_read,
		.doubt = on_doubt,
		.advanced = on_advanced,
		.finished = on_finished,
	};

	if (!board)
		return NULL;
	board->model = model;
	board->verdict = verdict;
	board->narrowed = model_narrowed(model, &board->first, &board->last);
	board->interval = interval;
	if (!model_observe(model, &observer))
		return board;
	free(board);
	return NULL;
}

void board_free(struct board *board)
{
	if (!board)
		return;
	free(board->inodes);
	free(board->index);
	free(board);
}

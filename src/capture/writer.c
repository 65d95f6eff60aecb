// SPDX-License-Identifier: GPL-2.0
/*
 * Writing a capture. Records are gathered in a buffer; a full one, or one that
 * is flushed, becomes a block in a thread of the writer's own, so that who
 * appends does not wait for packing, compressing and the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "capture/block.h"

#define BATCH_BYTES (512 * 1024)
#define BATCHES_MAX 8 /* waiting to be written; then who appends waits */
#define FACT_TEXT_MAX 4096

#ifndef GMEMTRACE_VERSION
#define GMEMTRACE_VERSION "0"
#endif

/* Records that become one block. */
struct batch {
	struct batch *next;
	size_t used; /* bytes */
	__u32 records;
	__u8 data[BATCH_BYTES] __attribute__((aligned(8)));
};

/* What only the thread touches while it runs. */
struct output {
	struct pack_buffer packed;
	struct pack_buffer block;
	struct pack_buffer index;
	__u64 inodes_last;
	__u32 inodes[CAPTURE_BLOCK_INODES_MAX];
};

struct capture_writer {
	int fd;
	int error; /* the first write error, -errno; 0 none; under the lock */
	bool error_taken;
	struct batch *batch; /* being filled */
	struct capture_header header; /* counts what was appended */
	struct output output;
	char *path;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	pthread_t thread;
	bool threaded;
	bool over; /* the thread ends when nothing waits */
	struct batch *queue, *spare;
	unsigned int waiting; /* batches in the queue, or at work */
	__u64 stored; /* bytes of the file that are whole blocks */
	__u64 kept_records, kept_bytes;
	__u32 checksum; /* of the blocks' checksums */
	char message[512];
};

static int write_all(int fd, const void *data, size_t size, __u64 offset)
{
	size_t written = 0;

	while (written < size) {
		ssize_t bytes = pwrite(fd, (const char *)data + written, size - written,
				       (off_t)(offset + written));

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		/* Nothing written and no reason: the next call has one, or there is no room. */
		if (!bytes)
			return -ENOSPC;
		written += (size_t)bytes;
	}
	return 0;
}

static int header_write(struct capture_writer *writer)
{
	struct capture_header *header = &writer->header;

	header->header_checksum = 0;
	header->header_checksum = (__u32)crc32(0, (const Bytef *)header, (uInt)sizeof(*header));
	return write_all(writer->fd, header, sizeof(*header), 0);
}

static void header_init(struct capture_header *header)
{
	memcpy(header->magic, CAPTURE_MAGIC, sizeof(header->magic));
	header->version = CAPTURE_VERSION;
	header->header_size = CAPTURE_HEADER_SIZE;
	header->created = (__u64)time(NULL);
	header->command_status = -1;
	header->time_first = ~0ULL;
	snprintf(header->tool, sizeof(header->tool), "%s", GMEMTRACE_VERSION);
}

int capture_create(const char *path, struct capture_writer **result, char *message,
		   size_t message_size)
{
	struct capture_writer *writer = calloc(1, sizeof(*writer));
	int error = -ENOMEM;

	*result = NULL;
	if (!writer)
		goto fail;
	writer->fd = -1;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	writer->stored = CAPTURE_HEADER_SIZE;
	writer->path = strdup(path);
	writer->batch = calloc(1, sizeof(*writer->batch));
	if (!writer->path || !writer->batch)
		goto fail;
	writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (writer->fd < 0) {
		error = -errno;
		goto fail;
	}
	header_init(&writer->header);
	error = header_write(writer);
	if (error)
		goto fail;
	*result = writer;
	return 0;
fail:
	if (message && message_size)
		snprintf(message, message_size, "%s: cannot write a capture: %s", path,
			 strerror(-error));
	capture_close(writer);
	return error;
}

/* With the lock. */
static void writer_fail(struct capture_writer *writer, int error)
{
	__atomic_store_n(&writer->error, error, __ATOMIC_RELAXED);
	/* Failing to cut leaves a torn block, which the reader ignores. */
	if (ftruncate(writer->fd, (off_t)writer->stored))
		errno = 0;
	snprintf(writer->message, sizeof(writer->message),
		 "%s: %s: recording ends here, %llu records (%llu bytes) are kept", writer->path,
		 strerror(-error), (unsigned long long)writer->kept_records,
		 (unsigned long long)writer->kept_bytes);
}

static int inode_compare(const void *a, const void *b)
{
	__u32 left = *(const __u32 *)a, right = *(const __u32 *)b;

	return left < right ? -1 : left > right;
}

/* @inode is one of the block's; they are few, and mostly the one before. */
static void inode_note(struct output *output, struct capture_block *block, __u64 inode)
{
	__u32 number = (__u32)inode;

	if (!inode || inode == output->inodes_last || block->inodes == CAPTURE_INODES_MANY)
		return;
	output->inodes_last = inode;
	for (__u32 i = 0; i < block->inodes; i++) {
		if (output->inodes[i] == number)
			return;
	}
	if (block->inodes == CAPTURE_BLOCK_INODES_MAX || inode > 0xffffffffULL)
		block->inodes = CAPTURE_INODES_MANY;
	else
		output->inodes[block->inodes++] = number;
}

static void block_describe(struct output *output, struct capture_block *block,
			   const struct batch *batch)
{
	output->inodes_last = 0;
	block->kind = CAPTURE_BLOCK_RECORDS;
	block->records = batch->records;
	block->bytes = (__u32)batch->used;
	block->time_first = ~0ULL;
	for (size_t at = 0; at < batch->used;) {
		const struct record_header *record = (const void *)(batch->data + at);

		if (record->time < block->time_first)
			block->time_first = record->time;
		if (record->time > block->time_last)
			block->time_last = record->time;
		inode_note(output, block, record->inode);
		at += record->size;
	}
	if (block->inodes != CAPTURE_INODES_MANY)
		qsort(output->inodes, block->inodes, sizeof(*output->inodes), inode_compare);
}

static int index_note(struct output *output, const struct capture_block *block)
{
	size_t inodes = block->inodes == CAPTURE_INODES_MANY ? 0 : block->inodes * sizeof(__u32);

	pack_bytes(&output->index, block, sizeof(*block));
	pack_bytes(&output->index, output->inodes, inodes);
	return output->index.failed ? -ENOMEM : 0;
}

/* Packs and writes @batch; what is there is whole afterwards, whatever happens. */
static int batch_write(struct capture_writer *writer, const struct batch *batch)
{
	struct output *output = &writer->output;
	struct capture_block block = { .before = writer->kept_records };
	int error;

	block_describe(output, &block, batch);
	output->packed.used = output->block.used = 0;
	pack_records(batch->data, batch->records, block.time_first, &output->packed);
	if (output->packed.failed)
		return -ENOMEM;
	error = block_store(&block, output->inodes, &output->packed, &output->block);
	if (!error)
		error = index_note(output, &block);
	if (!error)
		error = write_all(writer->fd, output->block.data, output->block.used,
				  writer->stored);
	if (error)
		return error;
	pthread_mutex_lock(&writer->lock);
	writer->stored += block.size;
	writer->kept_records += block.records;
	writer->kept_bytes += block.bytes;
	writer->checksum = (__u32)crc32(writer->checksum, (const Bytef *)&block.checksum,
					sizeof(block.checksum));
	pthread_mutex_unlock(&writer->lock);
	return 0;
}

/* With the lock, which is let go of meanwhile. */
static void batch_take(struct capture_writer *writer)
{
	struct batch *batch = writer->queue;
	int error = writer->error;

	writer->queue = batch->next;
	pthread_mutex_unlock(&writer->lock);
	if (!error)
		error = batch_write(writer, batch);
	pthread_mutex_lock(&writer->lock);
	if (error && !writer->error)
		writer_fail(writer, error);
	batch->next = writer->spare;
	writer->spare = batch;
	writer->waiting--;
	pthread_cond_broadcast(&writer->changed);
}

static void *writer_run(void *context)
{
	struct capture_writer *writer = context;

	pthread_mutex_lock(&writer->lock);
	while (writer->queue || !writer->over) {
		if (writer->queue)
			batch_take(writer);
		else
			pthread_cond_wait(&writer->changed, &writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* Signals are for who appends. Without a thread who appends does its work. */
static void writer_start(struct capture_writer *writer)
{
	sigset_t all, old;

	if (writer->threaded)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	writer->threaded = !pthread_create(&writer->thread, NULL, writer_run, writer);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* With the lock: a batch to fill. NULL: out of memory. */
static struct batch *batch_get(struct capture_writer *writer)
{
	struct batch *batch;

	while (!writer->spare && writer->waiting >= BATCHES_MAX)
		pthread_cond_wait(&writer->changed, &writer->lock);
	batch = writer->spare;
	if (batch)
		writer->spare = batch->next;
	else
		batch = malloc(sizeof(*batch));
	if (!batch)
		return NULL;
	batch->next = NULL;
	batch->used = 0;
	batch->records = 0;
	return batch;
}

int capture_flush(struct capture_writer *writer)
{
	struct batch **last;
	int error;

	if (!writer->batch->used)
		return __atomic_load_n(&writer->error, __ATOMIC_RELAXED);
	writer_start(writer);
	pthread_mutex_lock(&writer->lock);
	for (last = &writer->queue; *last; last = &(*last)->next)
		;
	*last = writer->batch;
	writer->waiting++;
	pthread_cond_broadcast(&writer->changed);
	while (!writer->threaded && writer->queue)
		batch_take(writer);
	writer->batch = batch_get(writer);
	/* What waits becomes spare, so there is one to come. */
	while (!writer->batch && writer->waiting) {
		pthread_cond_wait(&writer->changed, &writer->lock);
		writer->batch = batch_get(writer);
	}
	error = writer->error;
	pthread_mutex_unlock(&writer->lock);
	return error;
}

static void header_count(struct capture_header *header, const struct record_header *record)
{
	const struct record_loss *loss = (const struct record_loss *)record;

	header->records++;
	header->bytes += record->size;
	if (record->time < header->time_first)
		header->time_first = record->time;
	if (record->time > header->time_last)
		header->time_last = record->time;
	if (record->kind == RECORD_END)
		header->command_status = ((const struct record_end *)record)->command_status;
	if (record->kind == RECORD_LOSS && loss->cause == RECORD_LOSS_MISSED)
		header->missed += loss->count;
	else if (record->kind == RECORD_LOSS &&
		 record_loss_damage(loss->cause) != RECORD_DAMAGE_FREES &&
		 record_loss_damage(loss->cause) != RECORD_DAMAGE_FIGURES)
		header->lost += loss->count;
}

int capture_append(struct capture_writer *writer, const struct record_header *record)
{
	int error = __atomic_load_n(&writer->error, __ATOMIC_RELAXED);
	size_t least = record_stored_size(record->kind);

	if (error)
		return error;
	if (!least || record->size < least || record->size % 8)
		return -EINVAL;
	if (writer->batch->used + record->size > sizeof(writer->batch->data)) {
		error = capture_flush(writer);
		if (error)
			return error;
	}
	memcpy(writer->batch->data + writer->batch->used, record, record->size);
	writer->batch->used += record->size;
	writer->batch->records++;
	header_count(&writer->header, record);
	return 0;
}

int capture_append_fact(struct capture_writer *writer, __u64 time, const char *key,
			const char *value)
{
	__u64 space[(sizeof(struct record_fact) + 2 * FACT_TEXT_MAX + 7) / 8] = { 0 };
	struct record_fact *fact = (struct record_fact *)space;
	size_t key_length = strnlen(key, FACT_TEXT_MAX - 1);
	size_t value_length = strnlen(value, FACT_TEXT_MAX - 1);
	size_t size = sizeof(*fact) + key_length + value_length + 2;

	fact->header.kind = RECORD_FACT;
	fact->header.size = (__u16)((size + 7) & ~7UL);
	fact->header.time = time;
	fact->key_length = (__u32)key_length + 1;
	fact->value_length = (__u32)value_length + 1;
	memcpy(fact->text, key, key_length);
	memcpy(fact->text + key_length + 1, value, value_length);
	return capture_append(writer, &fact->header);
}

/* Until nothing waits to be written. */
static int writer_wait(struct capture_writer *writer)
{
	int error;

	pthread_mutex_lock(&writer->lock);
	while (writer->waiting)
		pthread_cond_wait(&writer->changed, &writer->lock);
	error = writer->error;
	pthread_mutex_unlock(&writer->lock);
	return error;
}

const char *capture_take_error(struct capture_writer *writer)
{
	const char *message = NULL;

	pthread_mutex_lock(&writer->lock);
	if (writer->error && !writer->error_taken)
		message = writer->message;
	writer->error_taken |= !!message;
	pthread_mutex_unlock(&writer->lock);
	return message;
}

void capture_written(struct capture_writer *writer, struct capture_summary *summary)
{
	const struct capture_header *header = &writer->header;

	pthread_mutex_lock(&writer->lock);
	*summary = (struct capture_summary){
		.records = header->records,
		.bytes = header->bytes,
		.lost = header->lost,
		.missed = header->missed,
		.time_first = header->records ? header->time_first : 0,
		.time_last = header->time_last,
		.command_status = header->command_status,
		.checksum = writer->checksum,
		.stored = writer->stored,
	};
	pthread_mutex_unlock(&writer->lock);
}

static int index_write(struct capture_writer *writer)
{
	struct output *output = &writer->output;
	struct capture_block block = { .kind = CAPTURE_BLOCK_INDEX };
	int error;

	output->block.used = 0;
	error = block_store(&block, NULL, &output->index, &output->block);
	if (!error)
		error = write_all(writer->fd, output->block.data, output->block.used,
				  writer->stored);
	if (error)
		return error;
	writer->header.index = writer->stored;
	/* Devices and pipes have nothing to sync. */
	if (fdatasync(writer->fd) && errno != EINVAL)
		return -errno;
	return 0;
}

int capture_finish(struct capture_writer *writer)
{
	int error = capture_flush(writer);

	if (!error)
		error = writer_wait(writer);
	if (error)
		return error;
	error = index_write(writer);
	if (!error) {
		if (!writer->header.records)
			writer->header.time_first = 0;
		writer->header.flags |= CAPTURE_FINISHED;
		writer->header.checksum = writer->checksum;
		error = header_write(writer);
	}
	pthread_mutex_lock(&writer->lock);
	if (error)
		writer_fail(writer, error);
	else
		writer->stored += writer->output.block.used;
	pthread_mutex_unlock(&writer->lock);
	return error;
}

static void writer_stop(struct capture_writer *writer)
{
	if (!writer->threaded)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->over = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
}

void capture_close(struct capture_writer *writer)
{
	if (!writer)
		return;
	if (writer->batch && writer->fd >= 0)
		capture_flush(writer);
	writer_stop(writer);
	if (writer->fd >= 0)
		close(writer->fd);
	while (writer->spare) {
		struct batch *batch = writer->spare;

		writer->spare = batch->next;
		free(batch);
	}
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
	free(writer->batch);
	free(writer->output.packed.data);
	free(writer->output.block.data);
	free(writer->output.index.data);
	free(writer->path);
	free(writer);
}

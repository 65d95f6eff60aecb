/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The capture file: a header of CAPTURE_HEADER_SIZE bytes, blocks of sealed
 * records, and an index of the blocks; little-endian. gmemtrace-capture(5) has
 * every byte of it. Format 1, which is read for ever, had no blocks: records
 * one behind the other, exactly as gmemtrace/record.h has them.
 *
 * The header says INCOMPLETE until the capture is finished: whatever kills the
 * writer, what stands behind the header is judged up to its last whole block,
 * and the index is rebuilt by reading. Every block has a checksum of its own
 * and is not believed before it was compared. Facts, options and losses are
 * records too (RECORD_FACT, RECORD_HEARTBEAT, RECORD_LOSS), so they survive an
 * unfinished capture.
 */
#ifndef GMEMTRACE_CAPTURE_H
#define GMEMTRACE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/api.h"
#include "gmemtrace/record.h"

GMEMTRACE_API_BEGIN

#define CAPTURE_DEFAULT_FILE "gmemtrace.cap"
#define CAPTURE_MAGIC "GMEMTRC\n" /* 8 bytes, no terminating zero */
#define CAPTURE_VERSION 2 /* raised only when an older reader would misread */
#define CAPTURE_HEADER_SIZE 256
#define CAPTURE_RECORD_MAX 65528 /* bytes of the longest record: header.size is 16 bits */

/* Bits, append-only. */
enum capture_flags {
	CAPTURE_FINISHED = 1 << 0, /* not set: INCOMPLETE */
};

/* What the header says of the whole file; valid when CAPTURE_FINISHED is set. */
struct capture_summary {
	__u64 records;
	__u64 bytes; /* of records, without the header */
	__u64 lost; /* sum of RECORD_LOSS.count, without misses */
	__u64 missed; /* the same for RECORD_LOSS_MISSED */
	__u64 time_first; /* ns, CLOCK_MONOTONIC: least header.time */
	__u64 time_last; /* ns: greatest header.time */
	__s64 command_status; /* of RECORD_END; -1 without one */
	__u32 checksum; /* CRC-32 of all blocks' checksums; format 1: of all records */
	__u64 stored; /* bytes of the file so far */
};

/* On disk, at offset 0. */
struct capture_header {
	char magic[8];
	__u32 version; /* CAPTURE_VERSION of the writer */
	__u32 header_size; /* bytes; records begin here */
	__u64 flags; /* enum capture_flags */
	__u64 created; /* s since the epoch, CLOCK_REALTIME */
	__u64 records;
	__u64 bytes;
	__u64 lost;
	__u64 missed;
	__u64 time_first;
	__u64 time_last;
	__s64 command_status;
	__u32 checksum;
	__u32 header_checksum; /* CRC-32 of this structure with this field 0 */
	char tool[32]; /* version of gmemtrace that wrote it, text */
	__u64 index; /* offset of the index block, 0 none */
	__u8 reserved[120];
};

RECORD_ASSERT(sizeof(struct capture_header) == CAPTURE_HEADER_SIZE, "capture header changed");

#define CAPTURE_BLOCK_MAGIC 0x4b424d47 /* "GMBK" */
#define CAPTURE_BLOCK_BYTES_MAX (1024 * 1024) /* of the records in a block */
#define CAPTURE_BLOCK_INODES_MAX 1024
#define CAPTURE_INODES_MANY 0xffffffffU

enum capture_block_kind {
	CAPTURE_BLOCK_RECORDS = 1,
	CAPTURE_BLOCK_INDEX = 2,
};

enum capture_block_method {
	CAPTURE_METHOD_PLAIN = 0,
	CAPTURE_METHOD_ZSTD = 1, /* one frame */
};

/* On disk, at the begin of every block: then `inodes` numbers of 32 bits, then the payload. */
struct capture_block {
	__u32 magic; /* CAPTURE_BLOCK_MAGIC */
	__u32 checksum; /* CRC-32 of what follows, up to the block's end */
	__u32 size; /* bytes of the whole block */
	__u16 kind; /* enum capture_block_kind */
	__u16 method; /* enum capture_block_method: how the payload is stored */
	__u32 packed; /* bytes of the payload, as it is where nothing is compressed */
	__u32 records;
	__u32 bytes; /* of these records as gmemtrace/record.h has them */
	__u32 inodes; /* numbers, ascending; CAPTURE_INODES_MANY: too many to name, none follow */
	__u64 before; /* records in the blocks before this one */
	__u64 time_first; /* ns: least header.time of its records */
	__u64 time_last; /* ns: greatest */
	__u64 reserved;
};

RECORD_ASSERT(sizeof(struct capture_block) == 64, "capture block header changed");

struct capture_writer;
struct capture_reader;

/*
 * Creates or truncates @path and writes an INCOMPLETE header. 0, or -errno with
 * one line in @message (@message_size bytes; may be NULL).
 * A file size limit raises SIGXFSZ: the caller ignores that signal.
 */
int capture_create(const char *path, struct capture_writer **writer, char *message,
		   size_t message_size);

/*
 * Appends one record. Buffered: a block is packed and written by a thread of
 * the writer's own. 0, or -errno. The first write error, which may be that of
 * an earlier block, ends the capture: the file is cut back to its last whole
 * block and stays a valid INCOMPLETE capture; every later call returns the same
 * error and writes nothing.
 */
int capture_append(struct capture_writer *writer, const struct record_header *record);

/* Appends a RECORD_FACT. Both strings are copied; cut at 4096 bytes. @time: ns. */
int capture_append_fact(struct capture_writer *writer, __u64 time, const char *key,
			const char *value);

/*
 * Makes a block of what is buffered and has it written: a writer that is killed
 * loses what was appended since, and what takes milliseconds to pack.
 */
int capture_flush(struct capture_writer *writer);

/*
 * The line to print about a write error, with what was kept; NULL where there
 * is none or it was taken already. Valid until capture_close().
 */
const char *capture_take_error(struct capture_writer *writer);

/* What was appended so far; `checksum` and `stored` are of what was written. */
void capture_written(struct capture_writer *writer, struct capture_summary *summary);

/*
 * Flushes, waits, writes the index and the final header, syncs. 0 or -errno:
 * then it stays INCOMPLETE.
 */
int capture_finish(struct capture_writer *writer);

/* Frees @writer (may be NULL). Without capture_finish() the capture stays INCOMPLETE. */
void capture_close(struct capture_writer *writer);

struct capture_info {
	struct capture_header header;
	bool incomplete; /* the header was never finished */
	bool cut; /* bytes behind the last whole record or block were ignored; known at the end */
	__u64 records; /* read so far, unknown kinds included */
	__u64 bytes; /* of records, read so far */
	__u64 unknown; /* records of kinds that this version does not know, skipped */
};

/*
 * Opens a capture. 0; or with one line in @message:
 * -ENODATA empty, -EBADMSG no capture or a damaged header, -EPROTO cut within
 * its header, -EPROTONOSUPPORT written by a newer version, else -errno of open.
 */
int capture_open(const char *path, struct capture_reader **reader, char *message,
		 size_t message_size);

/* The same for @size bytes of memory, which stay the caller's and must outlive the reader. */
int capture_open_memory(const void *data, size_t size, struct capture_reader **reader,
			char *message, size_t message_size);

/*
 * The next record of a known kind: 1 and @record, at least as long as this
 * version's structure of its kind (a shorter one is extended with zeroes),
 * aligned to 8 bytes, valid until the next call; 0 at the end, for an
 * INCOMPLETE capture behind its last whole record. -EBADMSG: damaged, -EIO and
 * others: reading failed; capture_message() has the line.
 */
int capture_next(struct capture_reader *reader, const struct record_header **record);

/* Where a block is, and what is in it. */
struct capture_place {
	__u64 offset; /* bytes, in the file */
	struct capture_block block;
	const __u32 *inodes; /* block.inodes numbers; NULL where they are too many */
};

/*
 * How many blocks of records there are, from the index or, without a good one,
 * by reading every block's header and checksum. -ESPIPE where the capture cannot
 * be read at any offset (a pipe), -EOPNOTSUPP for format 1, else -errno.
 */
long capture_blocks(struct capture_reader *reader);

/* The @block-th, from 0; valid until the reader is closed. Only after capture_blocks(). */
const struct capture_place *capture_place(const struct capture_reader *reader, size_t block);

/*
 * Whether @place has records of @inode. Records of inode 0 (a page that showed
 * no owner, a flush, a heartbeat) concern everybody and are in no list.
 */
bool capture_place_has(const struct capture_place *place, __u32 inode);

/*
 * capture_next() goes on with the first record of the @block-th. The capture as
 * a whole is no longer checked: only what is read. 0 or as capture_blocks().
 */
int capture_seek(struct capture_reader *reader, size_t block);

/*
 * The same with the first block that has a record of @time (ns) or later; at
 * the end where there is none.
 */
int capture_seek_time(struct capture_reader *reader, __u64 time);

const struct capture_info *capture_info(const struct capture_reader *reader);

/* One line about the last error, or about an incomplete capture; "" where there is nothing. */
const char *capture_message(const struct capture_reader *reader);

/* May be NULL. */
void capture_reader_close(struct capture_reader *reader);

GMEMTRACE_API_END

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The capture file: a header of CAPTURE_HEADER_SIZE bytes, then sealed records
 * one behind the other, exactly as gmemtrace/record.h has them, little-endian.
 *
 * The header says INCOMPLETE until the capture is finished: whatever kills the
 * writer, what stands behind the header is judged up to its last whole record.
 * Facts, options and losses are records too (RECORD_FACT, RECORD_HEARTBEAT,
 * RECORD_LOSS), so they survive an unfinished capture.
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
#define CAPTURE_VERSION 1 /* raised only when an older reader would misread */
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
	__u32 checksum; /* CRC-32 of all records */
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
	__u8 reserved[128];
};

RECORD_ASSERT(sizeof(struct capture_header) == CAPTURE_HEADER_SIZE, "capture header changed");

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
 * Appends one record. Buffered: whole records reach the file together.
 * 0, or -errno. The first write error ends the capture: the file is cut back
 * to its last whole record and stays a valid INCOMPLETE capture; every later
 * call returns the same error and writes nothing.
 */
int capture_append(struct capture_writer *writer, const struct record_header *record);

/* Appends a RECORD_FACT. Both strings are copied; cut at 4096 bytes. @time: ns. */
int capture_append_fact(struct capture_writer *writer, __u64 time, const char *key,
			const char *value);

/* Hands what is buffered to the kernel, so that a killed writer loses nothing of it. */
int capture_flush(struct capture_writer *writer);

/*
 * The line to print about a write error, with what was kept; NULL where there
 * is none or it was taken already. Valid until capture_close().
 */
const char *capture_take_error(struct capture_writer *writer);

/* What was appended so far; `checksum` and all counts are up to date. */
void capture_written(const struct capture_writer *writer, struct capture_summary *summary);

/* Flushes, writes the final header, syncs. 0 or -errno: then it stays INCOMPLETE. */
int capture_finish(struct capture_writer *writer);

/* Frees @writer (may be NULL). Without capture_finish() the capture stays INCOMPLETE. */
void capture_close(struct capture_writer *writer);

struct capture_info {
	struct capture_header header;
	bool incomplete; /* the header was never finished */
	bool cut; /* bytes behind the last whole record were ignored; known at the end */
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

const struct capture_info *capture_info(const struct capture_reader *reader);

/* One line about the last error, or about an incomplete capture; "" where there is nothing. */
const char *capture_message(const struct capture_reader *reader);

/* May be NULL. */
void capture_reader_close(struct capture_reader *reader);

GMEMTRACE_API_END

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* A short stream, and captures of it in a file that every test has for itself. */
#ifndef GMEMTRACE_TESTS_WRITTEN_H
#define GMEMTRACE_TESTS_WRITTEN_H

#include "stream.h"

#define WRITTEN_BLOCK 7 /* records in a block */

extern struct stream written;
extern char written_path[];
extern char written_message[512];

/* For cmocka: around each test. */
int written_setup(void **state);
int written_teardown(void **state);

/* Of the stream. */
size_t written_records(void);

/* A capture of the stream, a block for every WRITTEN_BLOCK, or @block, records. */
void written_capture(bool finish);
void written_in_blocks(size_t block, bool finish);
/* As the versions wrote that knew no blocks. */
void written_format_1(bool finish);

/* The file's bytes, which the caller frees; how many. */
size_t written_read(__u8 **data);
void written_write(const void *data, size_t size);

/* Reads everything; how many records, or -errno. */
int written_read_all(struct capture_reader *reader);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of the kernel's routines by address, from /proc/kallsyms. Read when the
 * first is asked for, and again where an address lies in none that is known: a
 * module may have been loaded since.
 */
#ifndef GMEMTRACE_SENSOR_SYMBOL_H
#define GMEMTRACE_SENSOR_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	uint32_t name; /* offset into symbols.names: "name" or "name_[module]" */
};

struct symbols {
	struct symbol *list; /* by address */
	size_t nr, room;
	char *names;
	size_t used, names_room;
	uint64_t read; /* ns: when it was read last, 0: never */
};

/* Zero is an empty table. */
void symbols_close(struct symbols *symbols);

/* A line of /proc/kallsyms: "address type name", then "[module]" or nothing. */
struct symbol_line {
	uint64_t address; /* 0 where addresses are hidden */
	const char *name; /* in the line; no zero ends it */
	size_t length; /* without what clang puts behind it */
};

/* false: it is none. */
bool symbol_line_take(struct symbol_line *symbol, const char *line);
bool symbol_line_is(const struct symbol_line *symbol, const char *name);

/* One line of /proc/kallsyms; only routines are kept. 0 or -ENOMEM. */
int symbols_take(struct symbols *symbols, const char *line);

/* After the last line. */
void symbols_sort(struct symbols *symbols);

/* The routine that @address lies in, NULL: none that is known. Never reads. */
struct symbol *symbols_find(const struct symbols *symbols, uint64_t address);

/* The same; reads where that may help. @now: ns. */
struct symbol *symbols_look(struct symbols *symbols, uint64_t address, uint64_t now);

const char *symbols_name(const struct symbols *symbols, const struct symbol *symbol);

#endif

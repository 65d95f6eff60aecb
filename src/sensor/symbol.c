// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/kallsyms.h"
#include "sensor/symbol.h"

#define ROUTINE_MAX (256U << 10) /* bytes: what lies farther behind a symbol is not its routine */
#define REREAD_NS 1000000000ULL
#define NAME_MAX_BYTES 256

void symbols_close(struct symbols *symbols)
{
	free(symbols->list);
	free(symbols->names);
	memset(symbols, 0, sizeof(*symbols));
}

/* @memory has room for @needed more things of @size after this. */
static void *room_make(void *memory, size_t used, size_t needed, size_t *room, size_t size)
{
	size_t more = *room ? *room : 4096;
	void *grown;

	if (used + needed <= *room)
		return memory;
	while (more < used + needed)
		more *= 2;
	grown = realloc(memory, more * size);
	if (grown)
		*room = more;
	return grown;
}

/*
 * Without what clang puts behind static names where it optimises at link time, as CFI asked it to before 6.1
 * (CONFIG_LTO_CLANG_THIN). A part or another form of a routine (.part, .isra, .cold) is none of that name.
 */
static size_t name_length(const char *text)
{
	static const char suffix[] = ".llvm.";
	size_t whole = strcspn(text, "\t\n"), name = strcspn(text, ".\t\n");
	const char *number = text + name + sizeof(suffix) - 1;

	if (strncmp(text + name, suffix, sizeof(suffix) - 1) != 0 ||
	    number + strspn(number, "0123456789") != text + whole)
		return whole;
	return name;
}

/* "name" or "name_[module]": no character that a folded line gives a meaning. */
static void name_make(const char *text, char name[NAME_MAX_BYTES])
{
	size_t length = name_length(text), module;
	const char *begin = text + strcspn(text, "\t\n");

	if (length > NAME_MAX_BYTES / 2)
		length = NAME_MAX_BYTES / 2;
	memcpy(name, text, length);
	name[length] = '\0';
	if (*begin != '\t' || begin[1] != '[')
		return;
	begin++;
	module = strcspn(begin, "\n");
	if (module > NAME_MAX_BYTES / 2 - 2)
		module = NAME_MAX_BYTES / 2 - 2;
	name[length] = '_';
	memcpy(name + length + 1, begin, module);
	name[length + 1 + module] = '\0';
}

bool symbol_line_take(struct symbol_line *symbol, const char *line)
{
	const char *name = strchr(line, ' ');

	if (!name || strlen(name) < 4)
		return false;
	symbol->address = strtoull(line, NULL, 16);
	symbol->name = name + 3;
	symbol->length = name_length(symbol->name);
	return true;
}

bool symbol_line_is(const struct symbol_line *symbol, const char *name)
{
	return !strncmp(name, symbol->name, symbol->length) && !name[symbol->length];
}

int symbols_take(struct symbols *symbols, const char *line)
{
	char name[NAME_MAX_BYTES], *end;
	uint64_t address = strtoull(line, &end, 16);
	struct symbol *list;
	size_t length;
	char *names;

	/* "address type name"; types of text, strong and weak. */
	if (!address || *end != ' ' || !end[1] || !strchr("tTwW", end[1]) || end[2] != ' ')
		return 0;
	name_make(end + 3, name);
	length = strlen(name) + 1;
	list = room_make(symbols->list, symbols->nr, 1, &symbols->room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	symbols->list = list;
	names = room_make(symbols->names, symbols->used, length, &symbols->names_room, 1);
	if (!names)
		return -ENOMEM;
	symbols->names = names;
	memcpy(names + symbols->used, name, length);
	list[symbols->nr++] =
		(struct symbol){ .address = address, .name = (uint32_t)symbols->used };
	symbols->used += length;
	return 0;
}

/* Of several names of one routine the first in the file stays first. */
static int symbol_compare(const void *left, const void *right)
{
	const struct symbol *one = left, *other = right;

	if (one->address != other->address)
		return one->address < other->address ? -1 : 1;
	return (one->name > other->name) - (one->name < other->name);
}

void symbols_sort(struct symbols *symbols)
{
	if (symbols->nr)
		qsort(symbols->list, symbols->nr, sizeof(*symbols->list), symbol_compare);
}

struct symbol *symbols_find(const struct symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - symbols->list[low - 1].address >= ROUTINE_MAX)
		return NULL;
	low--;
	while (low && symbols->list[low - 1].address == symbols->list[low].address)
		low--;
	return &symbols->list[low];
}

static void symbols_read(struct symbols *symbols, uint64_t now)
{
	FILE *file = kallsyms_open();
	struct symbols fresh = {};
	char line[512];
	int error = 0;

	symbols->read = now;
	if (!file)
		return;
	while (!error && fgets(line, sizeof(line), file))
		error = symbols_take(&fresh, line);
	fclose(file);
	symbols_sort(&fresh);
	if (error || !fresh.nr) {
		symbols_close(&fresh);
		return;
	}
	fresh.read = now;
	symbols_close(symbols);
	*symbols = fresh;
}

struct symbol *symbols_look(struct symbols *symbols, uint64_t address, uint64_t now)
{
	struct symbol *found = symbols_find(symbols, address);

	if (found || (symbols->read && now < symbols->read + REREAD_NS))
		return found;
	symbols_read(symbols, now);
	return symbols_find(symbols, address);
}

const char *symbols_name(const struct symbols *symbols, const struct symbol *symbol)
{
	return symbols->names + symbol->name;
}

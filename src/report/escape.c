// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"

/* Bytes of the character at @in, by its first byte; 0: none begins so. */
static size_t character_bytes(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The code of the character of @bytes bytes at @in, or 0 where that is no UTF-8. */
static uint32_t character_code(const unsigned char *in, size_t bytes)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code = in[0] & (0x7fU >> bytes);

	if (bytes == 1)
		return in[0];
	for (size_t i = 1; i < bytes; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (in[i] & 0x3f);
	}
	if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return code;
}

/* C0; DEL and C1; what turns the direction of a line, or breaks it; what nobody sees, so that two names look alike. */
static bool character_plain(uint32_t code)
{
	static const uint32_t ranges[][2] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },
		{ 0x61c, 0x61c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return false;
	}
	return true;
}

/* Bytes of the character at @in where it may stay as it is, or 0. */
static size_t character_keep(const char *in)
{
	const unsigned char *bytes = (const unsigned char *)in;
	size_t length = character_bytes(bytes[0]);
	uint32_t code = length ? character_code(bytes, length) : 0;

	return code && character_plain(code) ? length : 0;
}

size_t escape_text(char *out, size_t size, const char *in)
{
	size_t used = 0;

	while (*in) {
		size_t keep = character_keep(in);

		if (used + (keep ? keep : 4) >= size)
			break;
		if (keep)
			memcpy(out + used, in, keep);
		else
			snprintf(out + used, 5, "\\x%02x", (unsigned char)*in);
		used += keep ? keep : 4;
		in += keep ? keep : 1;
	}
	if (size)
		out[used] = '\0';
	return used;
}

void escape_words(char *out, size_t size, char *const *words)
{
	size_t used = 0;

	out[0] = '\0';
	for (; *words && used + 1 < size; words++) {
		if (used)
			out[used++] = ' ';
		used += escape_text(out + used, size - used, *words);
	}
}

static void escape_character(FILE *out, char character)
{
	switch (character) {
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '&':
		fputs("&amp;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	default:
		fputc(character, out);
	}
}

void escape_xml(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		escape_character(out, text[i]);
}

void escape_markdown(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_[]|#~", *text))
			fputc('\\', out);
		escape_character(out, *text);
	}
}

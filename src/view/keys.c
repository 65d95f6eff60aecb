// SPDX-License-Identifier: GPL-2.0
/* Keys as text. */
#include <ctype.h>
#include "view/draw.h"

static const struct {
	const char *name;
	int key;
} names[] = {
	{ "<Enter>", VIEW_KEY_ENTER },	  { "<Esc>", VIEW_KEY_ESCAPE },
	{ "<Tab>", VIEW_KEY_TAB },	  { "<Backspace>", VIEW_KEY_ERASE },
	{ "<Up>", VIEW_KEY_UP },	  { "<Down>", VIEW_KEY_DOWN },
	{ "<Left>", VIEW_KEY_LEFT },	  { "<Right>", VIEW_KEY_RIGHT },
	{ "<PageUp>", VIEW_KEY_PAGE_UP }, { "<PageDown>", VIEW_KEY_PAGE_DOWN },
	{ "<Home>", VIEW_KEY_HOME },	  { "<End>", VIEW_KEY_END },
	{ "<F1>", VIEW_KEY_HELP },
};

int view_key_take(const char **text)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i].name);

		if (strncmp(*text, names[i].name, length) != 0)
			continue;
		*text += length;
		return names[i].key;
	}
	return **text ? (unsigned char)*(*text)++ : 0;
}

// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "holders/scan.h"

static bool list_grow(struct holders_list *list)
{
	size_t room = list->room ? list->room * 2 : 64;
	struct holders_entry *grown;

	if (list->nr < list->room)
		return true;
	grown = realloc(list->entries, room * sizeof(*grown));
	if (!grown)
		return false;
	list->entries = grown;
	list->room = room;
	return true;
}

/* That of the last process which its mapping of the same inode is added to; NULL: there is none. */
static struct holders_entry *entry_of(struct holders_list *list, const struct holder *holder)
{
	for (size_t i = list->nr; holder->descriptor < 0 && i-- > list->process;) {
		struct holders_entry *entry = &list->entries[i];

		if (entry->mappings && entry->holder.i_ino == holder->i_ino &&
		    entry->holder.letter == holder->letter)
			return entry;
	}
	return NULL;
}

void holders_list_add(void *context, const struct holder *holder)
{
	struct holders_list *list = context;
	struct holders_entry *entry;

	if (list->nr && list->entries[list->nr - 1].holder.pid != holder->pid)
		list->process = list->nr;
	entry = entry_of(list, holder);
	if (!entry) {
		if (!list_grow(list)) {
			list->failed = true;
			return;
		}
		entry = &list->entries[list->nr++];
		*entry = (struct holders_entry){ .holder = *holder };
	}
	if (holder->descriptor >= 0)
		return;
	entry->mappings++;
	entry->mapped_pages += (holder->end - holder->begin) / HOLDER_PAGE_BYTES;
}

void holders_list_free(struct holders_list *list)
{
	free(list->entries);
	*list = (struct holders_list){ 0 };
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of the table, apart from which of them are shown. src/view/table.c alone includes this, and columns.c. */
#ifndef GMEMTRACE_VIEW_TABLE_H
#define GMEMTRACE_VIEW_TABLE_H

#include "view/draw.h"

/* A row of the table: a VM, or one of its inodes. */
struct table_row {
	__u32 vm;
	struct board_inode *entry; /* NULL: the VM */
};

/* What a line shows: of an inode, or summed up over those of a VM. */
struct table_line {
	char name[MODEL_INODE_NAME_MAX + 4], comm[RECORD_COMM_LEN + 1];
	const char *kind;
	__u64 pages, resident, want, absent, deviate, changing, exposed, exposed_since;
	double zaps, restores, flushes, busy;
	__u64 p50, p99, exposure_p99; /* ns */
	__u64 compared; /* ns: of a VM, where an inode was read longest ago; 0: none was */
	__u32 violations;
	bool walked, dead, vm;
	const __u16 *sparks;
};

/* Whose the inode is; without a VM, its process's. */
static inline __u32 table_vm(const struct model_inode *inode)
{
	return inode->vm ? inode->vm : inode->tgid;
}

struct table_line table_line_of_inode(const struct board *board, const struct board_inode *entry);
/* Of a VM, which has the first of @nr rows; its inodes stand behind that. */
struct table_line table_line_of_vm(const struct view *view, const struct table_row *rows,
				   size_t nr);

void table_headings(struct grid *grid, int row);
void table_line_draw(const struct view *view, struct grid *grid, int row,
		     const struct table_line *line, bool selected);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The vCPU of an area; used by area.c only. */
#ifndef LOAD_VCPU_H
#define LOAD_VCPU_H

#include "area.h"

/* Fills the vCPU's part of the area. */
int vcpu_create(struct area *area);
void vcpu_destroy(struct area *area);

/* Runs the command in the mailbox to its end. */
int vcpu_run(struct area *area);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The vCPU of an area, and where its program and mailbox are. */
#ifndef LOAD_VCPU_H
#define LOAD_VCPU_H

#include "area.h"

/* The first slot of a VM: the program, and a mailbox for each vCPU. */
#define BOOT_SIZE 0x10000
#define BOOT_PROGRAM 0x1000
#define BOOT_MAILBOXES 0x2000

/* /dev/kvm, or negative. */
int kvm_open(void);

/* Fills the vCPU's part of the area. */
int vcpu_create(struct area *area);
void vcpu_destroy(struct area *area);

/* Runs the command in the mailbox to its end. */
int vcpu_run(struct area *area);

#endif

// SPDX-License-Identifier: GPL-2.0
/* See guest.h. EBX: mailbox, EDI: address, EBP: key, EAX: value expected, EDX: value found. */
#include <stddef.h>

#include "guest.h"

_Static_assert(offsetof(struct guest_mailbox, begin) == 4, "the program below");
_Static_assert(offsetof(struct guest_mailbox, end) == 8, "the program below");
_Static_assert(offsetof(struct guest_mailbox, stride) == 12, "the program below");
_Static_assert(offsetof(struct guest_mailbox, key) == 16, "the program below");
_Static_assert(offsetof(struct guest_mailbox, flags) == 20, "the program below");
_Static_assert(offsetof(struct guest_mailbox, errors) == 24, "the program below");
_Static_assert(offsetof(struct guest_mailbox, bad_address) == 28, "the program below");
_Static_assert(offsetof(struct guest_mailbox, bad_value) == 32, "the program below");
_Static_assert(GUEST_WRITE == 1 && GUEST_ZERO_ALLOWED == 1 && GUEST_ZERO_ONLY == 2,
	       "the program below");

__asm__(".pushsection .rodata\n"
	".globl guest_program, guest_program_size\n"
	".code32\n"
	"guest_program:\n"
	"	movl 4(%ebx), %edi\n"
	"	movl 16(%ebx), %ebp\n"
	"	movl $0, 24(%ebx)\n"
	"	cmpl $1, (%ebx)\n"
	"	jne 2f\n"
	/* write */
	"1:	cmpl 8(%ebx), %edi\n"
	"	jae 6f\n"
	"	imull $0x9e3779b1, %edi, %eax\n"
	"	xorl %ebp, %eax\n"
	"	movl %eax, (%edi)\n"
	"	addl 12(%ebx), %edi\n"
	"	jmp 1b\n"
	/* verify */
	"2:	cmpl 8(%ebx), %edi\n"
	"	jae 6f\n"
	"	movl (%edi), %edx\n"
	"	testl $2, 20(%ebx)\n"
	"	jnz 3f\n"
	"	imull $0x9e3779b1, %edi, %eax\n"
	"	xorl %ebp, %eax\n"
	"	cmpl %eax, %edx\n"
	"	je 5f\n"
	"	testl $1, 20(%ebx)\n"
	"	jz 4f\n"
	"3:	testl %edx, %edx\n"
	"	jz 5f\n"
	"4:	incl 24(%ebx)\n"
	"	cmpl $1, 24(%ebx)\n"
	"	jne 5f\n"
	"	movl %edi, 28(%ebx)\n"
	"	movl %edx, 32(%ebx)\n"
	"5:	addl 12(%ebx), %edi\n"
	"	jmp 2b\n"
	/* done */
	"6:	outb %al, $0x10\n"
	"	jmp guest_program\n"
	"guest_program_size:\n"
	"	.long . - guest_program\n"
	".code64\n"
	".popsection\n");

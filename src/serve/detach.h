/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel does behind the end of whoever owned the sensors. */
#ifndef GMEMTRACE_SERVE_DETACH_H
#define GMEMTRACE_SERVE_DETACH_H

/* How many hold the kvm module, beside modules that came with it; 0: nobody, or it is not loaded. */
int detach_uses(void);

/* The same of the module whose directory in sysfs is @directory. */
int detach_uses_of(const char *directory);

/*
 * Until no more hold it than @uses, as detach_uses() said before: programs are let go of some time
 * after their owner. Somebody else may have taken it meanwhile: 30 seconds at most.
 */
void detach_wait(int uses);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What stands between these two is libgmemtrace's interface, from C and C++; all else is hidden. */
#ifndef GMEMTRACE_API_H
#define GMEMTRACE_API_H

#ifdef __cplusplus
#define GMEMTRACE_API_BEGIN                                                                        \
	extern "C" {                                                                               \
	_Pragma("GCC visibility push(default)")
#define GMEMTRACE_API_END                                                                          \
	_Pragma("GCC visibility pop")                                                              \
	}
#else
#define GMEMTRACE_API_BEGIN _Pragma("GCC visibility push(default)")
#define GMEMTRACE_API_END _Pragma("GCC visibility pop")
#endif

#endif

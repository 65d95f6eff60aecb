# SPDX-License-Identifier: GPL-2.0
#
# make            gmemtrace, gmemtraced and gmem-load, in build/bin
# make demo       install what is missing, build, boot, trace a real guest
# make check      all tests
# make lab        the lab's kernels
# make help       every target
#
# V=1 shows the commands.

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

VERSION := 0.1.0
B := build

CC ?= gcc
CLANG ?= $(firstword $(shell command -v clang-19 clang-16 clang-15 clang 2>/dev/null) clang-19)
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
DESTDIR ?=
PREFIX ?= /usr/local

WARNINGS := -Wall -Wextra -Werror
CPPFLAGS := -D_GNU_SOURCE -DGMEMTRACE_VERSION='"$(VERSION)"' -Iinclude -Isrc -I. -I$(B)/bpf \
	    $(shell $(PKG_CONFIG) --cflags json-c 2>/dev/null)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 $(WARNINGS)
# Static: the lab's guests hold nothing but busybox and these programs.
LDFLAGS ?= -static
LDLIBS := -lbpf -lelf -lz -ljson-c -lcap-ng
# A hook names all of its function's parameters, used or not.
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -D__bpf__ $(WARNINGS) \
	      -Wno-unused-parameter -I. -Iinclude -Ibpf

ROOMS := capture model rules report live sensor
LIB_SOURCES := $(wildcard $(ROOMS:%=src/%/*.c))
LIB_OBJECTS := $(LIB_SOURCES:src/%.c=$(B)/obj/%.o)
CLI_OBJECTS := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/cli/*.c))
DAEMON_OBJECTS := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/daemon/*.c))
LOAD_OBJECTS := $(patsubst lab/load/%.c,$(B)/obj/load/%.o,$(wildcard lab/load/*.c))
SKELETONS := $(B)/bpf/sensors.skel.h $(B)/bpf/facts.skel.h
PROGRAMS := $(B)/bin/gmemtrace $(B)/bin/gmemtraced $(B)/bin/gmem-load

all: $(PROGRAMS)

# --- BPF ---------------------------------------------------------------------

$(B)/bpf/%.o: bpf/%.bpf.c vmlinux.h $(wildcard bpf/*.h include/gmemtrace/record.h)
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# `gen object` strips the DWARF and keeps the BTF.
$(B)/bpf/%.bpf.o: $(B)/bpf/%.o
	$(Q)$(BPFTOOL) gen object $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user space --------------------------------------------------------------

$(B)/obj/sensor/%.o: $(SKELETONS)

$(B)/obj/load/%.o: lab/load/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -Ilab/load $(CFLAGS) -pthread -MMD -MP -c $< -o $@

$(B)/obj/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/libgmemtrace.a: $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/bin/gmemtrace: $(CLI_OBJECTS) $(B)/libgmemtrace.a
$(B)/bin/gmemtraced: $(DAEMON_OBJECTS) $(B)/libgmemtrace.a
$(B)/bin/gmemtrace $(B)/bin/gmemtraced:
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/bin/gmem-load: $(LOAD_OBJECTS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static -pthread $^ -o $@

# From the lab's own kernel: make vmlinux.h BTF=PATH takes another's.
vmlinux.h: $(if $(filter vmlinux.h,$(MAKECMDGOALS)),force)
	$(call say,TYPES,$@)
	$(Q)CLANG=$(CLANG) BPFTOOL=$(BPFTOOL) bpf/reduce-vmlinux \
		"$${BTF:-$$(kernel/build gmem | tail -n 1)/vmlinux}" > $(B)/vmlinux.h
	$(Q)mv $(B)/vmlinux.h $@

force:

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all clean force

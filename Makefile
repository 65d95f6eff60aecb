# SPDX-License-Identifier: GPL-2.0
#
# make            gmemtrace, gmemtraced and gmem-load, in build/bin
# make demo       install what is missing, build, boot, trace a real guest
# make check      all tests
# make lab        the lab's kernels
# make bench      what tracing and conversions cost, half an hour
# make bench-host what tracing costs on this machine, by its own kernel (root)
# make soak       ten minutes of churn, every allocation and zap liable to fail; then 20 seeds and 10 million
#                 transitions of several VMs, and every verdict consistent (tests/vm/soak-clean)
# make kernels    every kernel of Debian's suites from 6.1 to the newest, and the shape of the production series
# make faults     every kernel with a known defect, and what catches it
# make fleet      Debian's Prometheus against gmemtraced: what it scrapes, and which alerts fire
# make mutants    each guard clause of the judges left out once: which test notices
# make xarray     how the core stores ranges, in the kernel's own userspace harness, and how it reads page tables
# make fuzz       captures that nobody wrote, and captures that are cut and damaged
# make lint       what the code looks like to tools
# make install    PREFIX=/usr/local DESTDIR=
# make dist       a tarball that builds without a network, in build/
# make deb        Debian packages from that tarball, in build/deb, and what lintian says of them
# make check-deb  whether they install in a bare Debian, and work there
# make help       this list
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
# Of the library's interface: until 1.0 it is that of the minor version.
ABI := $(basename $(VERSION))
B := build

CC ?= gcc
CLANG ?= $(firstword $(shell command -v clang-19 clang-16 clang-15 clang 2>/dev/null) clang-19)
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
OBJCOPY ?= objcopy
DESTDIR ?=
PREFIX ?= /usr/local
LIBDIR ?= lib

WARNINGS := -Wall -Wextra -Werror
CPPFLAGS := -D_GNU_SOURCE -DGMEMTRACE_VERSION='"$(VERSION)"' -Iinclude -Isrc -I. -isystem $(B)/bpf -isystem $(B)/proto \
	    $(shell $(PKG_CONFIG) --cflags json-c 2>/dev/null)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -fvisibility=hidden $(WARNINGS)
# Static: the lab's guests hold nothing but busybox and these programs.
LDFLAGS ?= -static
LDLIBS := -lbpf -lelf -lz -lzstd -ljson-c -lcap-ng -lprotobuf-c
# The terminal's, and no other part's.
CURSES := -lncursesw -ltinfo
# The daemon's: what serves metrics, and what the kernel is to refuse.
DAEMON_LIBS := -lmicrohttpd -lseccomp
# A hook names all of its function's parameters, used or not. Files are named without the place they were built in.
BPF_CFLAGS := -g -O2 -ffile-prefix-map=$(CURDIR)=. -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -D__bpf__ $(WARNINGS) \
	      -Wno-unused-parameter -I. -Iinclude -Ibpf

ROOMS := capture providers holders map model rules story flush report export view sensor serve run metrics
# Perfetto's packets, generated.
PROTO_SOURCE := $(B)/proto/perfetto.pb-c.c
LIB_SOURCES := $(wildcard $(ROOMS:%=src/%/*.c)) $(PROTO_SOURCE)
# The model is compiled as one unit: what takes a record is in a dozen of its files.
MODEL_SOURCES := $(wildcard src/model/*.c)
LIB_OBJECTS := $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out $(MODEL_SOURCES),$(filter src/%,$(LIB_SOURCES)))) \
	       $(B)/obj/model.o $(B)/obj/proto/perfetto.pb-c.o
# What libraries name that a static program cannot have: of the daemon's, and of both.
NO_TLS := $(if $(findstring -static,$(LDFLAGS)),src/static/no_tls.c)
NO_NAMES := $(NO_TLS:%no_tls.c=%no_names.c)
CLI_OBJECTS := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/cli/*.c) $(NO_NAMES))
DAEMON_OBJECTS := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/daemon/*.c) $(NO_TLS) $(NO_NAMES))
# They serve an archive and a shared library; as nearly all is hidden, that costs nothing.
$(LIB_OBJECTS): PIC := -fPIC
LOAD_OBJECTS := $(patsubst lab/load/%.c,$(B)/obj/load/%.o,$(wildcard lab/load/*.c))
SKELETONS := $(B)/bpf/sensors.skel.h $(B)/bpf/facts.skel.h $(B)/bpf/map.skel.h $(B)/bpf/symbols.skel.h
PROGRAMS := $(B)/bin/gmemtrace $(B)/bin/gmemtraced $(B)/bin/gmem-load

all: $(PROGRAMS)
	@:

# Whether it is a machine that there are sensors for.
MACHINE := $(B)/obj/static/machine.o
$(MACHINE): src/static/machine.c
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@

$(LIB_OBJECTS) $(CLI_OBJECTS) $(DAEMON_OBJECTS) $(LOAD_OBJECTS) $(PROTO_SOURCE) $(B)/model.c $(B)/page.html: | $(MACHINE)

# --- BPF ---------------------------------------------------------------------

$(B)/bpf/%.o: bpf/%.bpf.c vmlinux.h $(wildcard bpf/*.h include/gmemtrace/record*.h) | $(MACHINE)
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# `gen object` strips the DWARF and keeps the BTF.
$(B)/bpf/%.bpf.o: $(B)/bpf/%.o
	$(Q)$(BPFTOOL) gen object $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q){ echo '/* NOLINTBEGIN: generated */'; $(BPFTOOL) gen skeleton $< name $*_bpf; \
		echo '/* NOLINTEND */'; } > $@

# --- Perfetto's packets -------------------------------------------------------

# One run makes both.
$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h &: src/export/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=src/export --c_out=$(B)/proto $<

# --- the page of flame --html --------------------------------------------------

# One file, from libraries that web/package-lock.json pins. Without them it is empty: --html says so. A tarball has it.
$(B)/page.html: $(wildcard web/*.json web/*.mjs web/.npmrc web/src/*)
	$(call say,PAGE,$@)
	@mkdir -p $(B)/web
	$(Q)cp -r web/. $(B)/web
	$(Q)if [ -e web/page.html ]; then \
		cp web/page.html $@; \
	elif ! (cd $(B)/web && npm ci --silent) >/dev/null; then \
		echo "No page for flame --html: npm is missing, or cannot fetch what web/package-lock.json names" >&2; \
		: >$@; \
	else \
		cd $(B)/web && node build.mjs ../page.html; \
	fi

# --- user space --------------------------------------------------------------

$(filter $(B)/obj/sensor/%,$(LIB_OBJECTS)): $(SKELETONS)

$(B)/obj/load/%.o: lab/load/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -I. -Ilab/load -Isrc $(CFLAGS) -pthread -MMD -MP -c $< -o $@

# Includes what is generated.
$(foreach room,obj tests/obj/src tests/sanitized/src tests/fuzzing/src,$(patsubst src/%.c,$(B)/$(room)/%.o,$(wildcard src/export/*.c))): \
	$(PROTO_SOURCE:.c=.h)

$(B)/obj/proto/%.o: $(B)/proto/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PIC) -MMD -MP -c $< -o $@

# Inlined across files, and more than elsewhere: a tenth fewer instructions of a replay. Tests compile them one by one.
$(B)/model.c: $(MODEL_SOURCES) Makefile
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $(MODEL_SOURCES) >$@

$(B)/obj/model.o: INLINE := -finline-functions --param inline-unit-growth=200 --param max-inline-insns-auto=120
$(B)/obj/model.o: $(B)/model.c
	$(call say,CC,src/model)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(findstring clang,$(CC)),,$(INLINE)) $(PIC) -MMD -MP -c $< -o $@

$(B)/obj/%.o: src/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PIC) -MMD -MP -c $< -o $@

# Whose bytes they hold, whoever compiles them.
$(B)/obj/report/page.o $(B)/tests/obj/src/report/page.o $(B)/tests/sanitized/src/report/page.o \
	$(B)/tests/fuzzing/src/report/page.o: $(B)/page.html
$(B)/obj/report/verdict_json.o $(B)/tests/obj/src/report/verdict_json.o: src/report/verdict.schema.json
$(B)/obj/report/live.o $(B)/tests/obj/src/report/live.o: src/report/live.schema.json
$(B)/obj/report/map.o $(B)/tests/obj/src/report/map.o: src/report/map.schema.json
$(B)/obj/report/compare.o $(B)/tests/obj/src/report/compare.o: src/report/comparison.schema.json
$(B)/obj/export/ndjson.o $(B)/tests/obj/src/export/ndjson.o: src/export/export.schema.json

# One object: rules and formats of the verdict enter themselves into tables (src/rules/rule.h,
# src/report/internal.h), so an archive must not leave out those that nobody else names.
ENTERED_OBJECTS := $(filter $(B)/obj/rules/% $(B)/obj/report/verdict_%,$(LIB_OBJECTS))
$(B)/obj/entered.o: $(ENTERED_OBJECTS)
	$(Q)$(LD) -r $^ -o $@

# For our own programs, with everything in it.
$(B)/rooms.a: $(filter-out $(ENTERED_OBJECTS),$(LIB_OBJECTS)) $(B)/obj/entered.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# For those of others: one object, of which only what include/gmemtrace declares is to be seen.
$(B)/libgmemtrace.a: $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)$(LD) -r $^ -o $(B)/obj/gmemtrace.o
	$(Q)$(OBJCOPY) --localize-hidden $(B)/obj/gmemtrace.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/obj/gmemtrace.o

# The same as a shared library. Its symbols carry the interface's version, so that two can be in one process.
$(B)/libgmemtrace.so.$(VERSION): $(LIB_OBJECTS)
	$(call say,LINK,$@)
	$(Q)echo 'GMEMTRACE_$(ABI) { global: *; local: __start_*; __stop_*; };' >$(B)/libgmemtrace.map
	$(Q)$(CC) $(CFLAGS) $(filter-out -static,$(LDFLAGS)) -shared -Wl,-z,defs -Wl,-soname,libgmemtrace.so.$(ABI) \
		-Wl,--version-script,$(B)/libgmemtrace.map $^ $(LDLIBS) -o $@

$(B)/libgmemtrace.pc: libgmemtrace.pc.in Makefile
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LDLIBS)|' $< > $@

$(B)/bin/gmemtrace: $(CLI_OBJECTS) $(B)/rooms.a
$(B)/bin/gmemtraced: $(DAEMON_OBJECTS) $(B)/rooms.a
$(B)/bin/gmemtraced: LDLIBS += $(DAEMON_LIBS)
$(B)/bin/gmemtrace $(B)/bin/gmemtraced:
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(CURSES) -o $@

$(B)/bin/gmem-load: $(LOAD_OBJECTS) $(B)/obj/run/units.o
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

# --- what the project is asked for -------------------------------------------

# Installs what is missing, so that a bare Debian 12 with make does.
packages-%:
	@lab/packages $(subst -, ,$*)

# The programs by a second make: its variables ask tools that may be installed only now.
demo: packages-build-kernel-lab-page
	$(Q)$(MAKE) --no-print-directory all
	$(Q)lab/demo $(B)/demo

# What Debian's suites no longer have (status 3) is said by lab/stock, and skipped by tests.
lab: packages-kernel-lab
	$(Q)kernel/build gmem >/dev/null
	$(Q)kernel/build gmem-debug >/dev/null
	$(Q)lab/stock stock-6.1 >/dev/null || [ $$? = 3 ]
	$(Q)lab/stock stock-6.12 >/dev/null || [ $$? = 3 ]

check: packages-build-kernel-lab-test-fuzz-lint-page
	$(Q)$(MAKE) --no-print-directory all lint check-unit xarray
	$(Q)$(MAKE) --no-print-directory check-fuzz
	$(Q)$(MAKE) --no-print-directory lab
	$(Q)$(MAKE) --no-print-directory check-vm

# TAP of cmocka, of scripts and of the guests, through one reader. The long ones first, of which two do little but wait.
UNIT_LONG = $(wildcard tests/page/*.t) $(addprefix $(B)/tests/test_,run simulator story bombs slow_client keyframes)
UNIT_ALL = $(UNIT_TESTS) $(wildcard tests/library/*.t tests/cli/*.t)
check-unit: all unit-tests
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP prove --jobs 3 --exec '' $(UNIT_LONG) $(filter-out $(UNIT_LONG),$(UNIT_ALL))

# Readers without a lock against a writer, with sanitizers; a few seconds for each node size. What is read once.
xarray:
	$(Q)prove --exec '' 'kernel/test/xarray $(B)/xarray' 'kernel/test/entries $(B)/entries'

# The longest first, so that it is not what all wait for.
VM_TESTS = tests/vm/verdict.t $(filter-out tests/vm/verdict.t,$(sort $(wildcard tests/vm/*.t)))
check-vm: all guest-programs
	$(Q)rm -f $(B)/check-vm.failed
	$(Q)prove --timer --jobs 2 $(or $(T),$(VM_TESTS)) || { tail -n 40 $(B)/check-vm.failed; exit 1; }

bench: packages-build-kernel-lab-bench-page
	$(Q)$(MAKE) --no-print-directory all bench-programs guest-programs
	$(Q)tests/bench/run $(B)/bench.json

bench-host: packages-build
	$(Q)$(MAKE) --no-print-directory all $(B)/bench/first-touch $(B)/bench/page-free
	$(Q)tests/bench/host $(B)/bench-host.json

# A matrix, and not a test: what Debian's suites have today decides it.
kernels: packages-build-kernel-lab
	$(Q)$(MAKE) --no-print-directory all guest-programs
	$(Q)tests/vm/kernels $(T)

mutants: packages-build-test-mutants
	$(Q)$(MAKE) --no-print-directory unit-tests
	$(Q)tests/mutants/run $(B)

fleet: packages-build-test-fleet
	$(Q)$(MAKE) --no-print-directory all unit-tests
	$(Q)prove tests/cli/prometheus.t tests/cli/metrics.t

faults: packages-build-kernel-lab-test
	$(Q)$(MAKE) --no-print-directory all guest-programs
	$(Q)tests/vm/faults $(T)

soak: packages-build-kernel-lab-test
	$(Q)$(MAKE) --no-print-directory all guest-programs soak-simulator
	$(Q)GMEMTRACE_KERNELS=gmem-debian prove tests/vm/distribution tests/vm/selftests.t
	$(Q)prove tests/vm/kvm-selftests
	$(Q)tests/vm/soak
	$(Q)tests/vm/soak-clean

# The .pc names PREFIX, so it is made anew each time.
install: all $(B)/libgmemtrace.a $(B)/libgmemtrace.so.$(VERSION)
	$(Q)rm -f $(B)/libgmemtrace.pc
	$(Q)$(MAKE) --no-print-directory $(B)/libgmemtrace.pc
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin sbin $(LIBDIR)/pkgconfig include/gmemtrace \
		share/man/man1 share/man/man5 share/man/man7 share/man/man8 \
		share/bash-completion/completions lib/systemd/system)
	install -m 755 $(B)/bin/gmemtrace $(B)/bin/gmem-load $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/bin/gmemtraced $(DESTDIR)$(PREFIX)/sbin
	sed 's,@SBIN@,$(PREFIX)/sbin,' systemd/gmemtraced.service.in >$(B)/gmemtraced.service
	install -m 644 $(B)/gmemtraced.service $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -D -m 644 systemd/gmemtraced.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/gmemtrace.conf
	sed 's,@SBIN@,$(PREFIX)/sbin,' systemd/gmemtraced-http.conf >$(B)/gmemtraced-http.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/gmemtrace $(B)/gmemtraced-http.conf
	install -m 644 $(B)/libgmemtrace.a $(B)/libgmemtrace.so.$(VERSION) $(DESTDIR)$(PREFIX)/$(LIBDIR)
	ln -sf libgmemtrace.so.$(VERSION) $(DESTDIR)$(PREFIX)/$(LIBDIR)/libgmemtrace.so.$(ABI)
	ln -sf libgmemtrace.so.$(ABI) $(DESTDIR)$(PREFIX)/$(LIBDIR)/libgmemtrace.so
	install -m 644 $(B)/libgmemtrace.pc $(DESTDIR)$(PREFIX)/$(LIBDIR)/pkgconfig
	install -m 644 include/gmemtrace/*.h $(DESTDIR)$(PREFIX)/include/gmemtrace
	for page in man/*.[1578]; do \
		install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/; done
	install -m 644 completion/gmemtrace $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	ln -sf gmemtrace $(DESTDIR)$(PREFIX)/share/bash-completion/completions/gmemtraced

# --- packages ----------------------------------------------------------------

DIST := gmemtrace-$(VERSION)
# The same bytes from the same commit.
DIST_DATE = $(shell git log -1 --format=%ct)

# What is committed, and the page, which alone needs a network.
dist: $(B)/page.html
	$(Q)[ -s $< ] || { echo "make dist: the page of flame --html could not be built, see above" >&2; exit 1; }
	$(Q)rm -rf $(B)/dist && mkdir -p $(B)/dist
	$(Q)git archive --prefix=$(DIST)/ HEAD | tar -x -C $(B)/dist
	$(Q)cp $< $(B)/dist/$(DIST)/web/page.html
	$(Q)tar --sort=name --mtime=@$(DIST_DATE) --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX \
		-C $(B)/dist -cJf $(B)/$(DIST).tar.xz $(DIST)
	@echo $(B)/$(DIST).tar.xz

deb: packages-build-deb-page
	$(Q)$(MAKE) --no-print-directory dist
	$(Q)rm -rf $(B)/deb && mkdir -p $(B)/deb && tar -x -C $(B)/deb -f $(B)/$(DIST).tar.xz
	$(Q)cd $(B)/deb/$(DIST) && cp -r contrib/debian debian && rm debian/changelog.in && \
		sed 's/@VERSION@/$(VERSION)/; s/@DATE@/$(shell LC_ALL=C date -u -R -d @$(DIST_DATE))/' \
			contrib/debian/changelog.in >debian/changelog && \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL SOURCE_DATE_EPOCH=$(DIST_DATE) \
			dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { tail -n 30 ../build.log; exit 1; }
	$(Q)lintian --fail-on error,warning $(B)/deb/*.changes
	@ls $(B)/deb/*.deb

check-deb: deb
	$(Q)prove --exec '' tests/package/deb.t

# --- style -------------------------------------------------------------------

C_FILES := $(wildcard src/*/*.[ch] bpf/*.[ch] include/gmemtrace/*.h kernel/*.h lab/load/*.[ch] \
		      tests/unit/*.[ch] tests/vm/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] \
		      tests/library/*.[ch] examples/*.c)
TIDY_FILES := $(wildcard src/*/*.c lab/load/*.c examples/*.c)

lint: packages-build-test-lint
	$(Q)$(MAKE) --no-print-directory lint-all

lint-all: $(SKELETONS) $(PROTO_SOURCE)
	$(call say,FORMAT,)
	$(Q)clang-format --dry-run --Werror $(C_FILES)
	$(call say,CPPCHECK,)
	$(Q)cppcheck -j 2 --quiet --error-exitcode=1 --std=c11 --inline-suppr -Iinclude -Isrc -I. \
		--enable=warning,portability --suppress=missingInclude -D__x86_64__ \
		'-DLIBBPF_OPTS(TYPE,NAME,...)=struct TYPE NAME = {0}' $(TIDY_FILES)
	$(call say,TIDY,'(a minute or two)')
	$(Q)printf '%s\n' $(TIDY_FILES) | xargs -P2 -n8 sh -c 'clang-tidy --quiet \
		--warnings-as-errors="*" "$$@" -- -std=gnu11 $(filter-out -DGMEMTRACE%,$(CPPFLAGS)) \
		"-DGMEMTRACE_VERSION=\"\"" -I. -Ilab/load 2>/dev/null' tidy
	$(call say,MANDOC,)
	$(Q)mandoc -Tlint -Wwarning man/*.[1578]
	$(call say,SHELL,)
	$(Q)grep -rlE --exclude-dir=.git --exclude-dir=$(B) '^#!/bin/(ba)?sh' . | xargs -P2 -n8 shellcheck -x

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

-include tests/unit/Makefile.inc tests/vm/Makefile.inc tests/fuzz/Makefile.inc tests/bench/Makefile.inc

.PHONY: all check check-deb check-unit check-vm clean deb demo dist bench bench-host soak fuzz faults fleet kernels force help install lab lint lint-all mutants unit-tests xarray

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   make            build build/gilscope
#   make demo       set up, build, and show `gilscope stat` on a small convoy of threads
#   make check      set up, build, and run every test; the last line is "N passed, N failed, N skipped"
#   make test       do the same without installing anything; without root and sudo, tests that need root are skipped by name
#   make check-perf-events  run every end-to-end test on one interpreter, with probes attached as on kernels before 6.6
#   make check-verdicts  compare the verdicts about programs whose truth is known with that truth; this takes two hours
#   make check-programs  observe programs that people run, which are installed from Debian (tests/programs); this takes ten minutes
#   make check-kernels  test other kernels, under qemu (tests/kernels): KERNELS="6.1 7 arm64-6.12", KERNEL_DIR=FOLDER
#   make kernel-reports  run the reproducers of docs/kernel-*.md on KERNELS="7 6.12 ...", under qemu
#   make static     build build/gilscope.static, one file that needs no library
#   make ARCH=arm64 build-deps all  cross-compile build/arm64/gilscope
#   make check-faults  let requests to the system (memory, files, BPF) fail, one by one, for each command
#   make bench      measure the performance figures; each is a line: bench NAME VALUE LIMIT pass|miss
#   make fuzz       run each fuzzer for FUZZ_SECONDS, and print what it reaches; the corpus is kept in a cache folder
#   make usdt-python  build CPythons with GIL probes (usdt/) in a cache folder, once; the last line is the newest one's path
#   make usdt-cost    compare CPythons with GIL probes that nobody traces with the same CPythons without them
#   make deps       install what is missing, by apt-get
#   make tidy       run clang-tidy with its analyzer, which takes some minutes
#   make compile_commands.json  write how each file is compiled, for clangd, clang-tidy and editors
#   make deb        build Debian packages, in build/deb
#   make wheel      build a wheel for pip, in build/wheel
#   make rpm        build an rpm package, in build/rpm
#   make arch       build a package for Arch Linux, in build/arch
#   make dist       make what a release consists of, in build/dist: sources, packages, programs, what is in them, checksums
#   make check-deb  install, test, purge and examine the Debian packages on a fresh Debian 12 and 13; this takes some minutes
#   make html       make HTML of the man pages and the documents, in build/html
#   make check-everywhere  run the static program and the wheel on fresh Debians 11, 12, 13 and unstable, and on musl; this takes ten minutes
#   make install    install to $(DESTDIR)$(PREFIX), with man pages, documents, examples and completions; make uninstall removes them

PREFIX ?= /usr/local
MACHINE := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
ARCH := $(MACHINE)
ifeq ($(ARCH),$(MACHINE))
BUILD ?= build
CC = gcc
OBJCOPY = objcopy
else
# This uses Debian's cross compiler, and the libraries of Debian 12 in a folder of their own.
BUILD ?= build/$(ARCH)
GNU_ARCH := $(patsubst arm64,aarch64,$(patsubst x86,x86_64,$(ARCH)))
ifndef SYSROOT
SYSROOT := $(shell tests/kernels/root $(patsubst x86,amd64,$(ARCH)))
endif
CC = $(GNU_ARCH)-linux-gnu-gcc --sysroot=$(SYSROOT)
AR = $(GNU_ARCH)-linux-gnu-ar
OBJCOPY = $(GNU_ARCH)-linux-gnu-objcopy
CROSS_PACKAGES := gcc-$(subst _,-,$(GNU_ARCH))-linux-gnu
endif
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 60

CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iuser -Iusdt -I$(BUILD)
# Probes need root.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
# Tests and CI add -Werror.
WERROR ?=
WARNINGS := -std=gnu11 -Wall -Wextra $(WERROR)
TEST_WARNINGS := $(WARNINGS) -Wno-format-zero-length -Wno-format-truncation
# The libraries that the core needs, and those that the program needs.
CORE_LIBS := -ljansson -lm -lz
LDLIBS := -lncursesw -ltinfo -lbpf -lelf -lpthread $(CORE_LIBS)
# v3 has atomic operations that return a value; Linux supports it from 5.12 on. The folder is not noted in the object, which becomes a
# part of the program, so that builds in different folders are equal.
BPF_CFLAGS := -O2 -g -mcpu=v3 -Wall -Wextra $(WERROR) -target bpf -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux -ffile-prefix-map=$(CURDIR)=.

# Debian's packages that building needs, and those that only the tests and the benchmarks need.
BUILD_PACKAGES := gcc libc6-dev make clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev \
	libjansson-dev libncurses-dev $(CROSS_PACKAGES)
# These build packages of other distributions, or at least read their files.
FOREIGN_PACKAGES := rpm makepkg pacman-package-manager libarchive-tools nix-bin ruby
TEST_PACKAGES := python3 python3-venv libpython3.11 binutils clang-format clang-tidy libclang-rt-dev shellcheck bpftrace procps \
	libpython3.11-dev libexpat1-dev musl-tools \
	libxml2-utils protobuf-compiler python3-dev python3-pytest python3-pytest-asyncio python3-pytest-xdist python3-yaml tmux util-linux systemtap-sdt-dev libffi-dev patch xz-utils \
	zsh fish python3-jsonschema mandoc chromium mypy $(FOREIGN_PACKAGES)

# Uses all CPUs, unless -j says otherwise. A make that was started by another one shares the other one's jobs.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# The folder of a file in user/ decides what the file may use; tests/layers checks that.
CORE := $(patsubst user/%.c,%,$(wildcard user/core/*/*.c))
EDGE := $(patsubst user/%.c,%,$(wildcard user/edge/*/*.c))
COMMANDS := $(patsubst user/%.c,%,$(wildcard user/commands/*.c))
# The code that looks into files and processes, which needs no BPF.
FINDING := $(filter edge/elf/% edge/proc/% edge/sites/% edge/python/%,$(EDGE))

objects = $(1:%=$(BUILD)/%.o)

all: $(BUILD)/gilscope

# This file changes when the compiler or its options do. All objects depend on it, so that they are then compiled again, and so that
# "make build-deps all" installs the compiler before it is run.
FLAGS := $(CC) $(CLANG) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(BPF_CFLAGS)
$(BUILD)/flags: FORCE | $(filter deps build-deps,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

$(BUILD)/gilscope.bpf.o: bpf/gilscope.bpf.c $(wildcard bpf/*.h include/*.h vmlinux/*.h) $(BUILD)/flags
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/gilscope.skel.h: $(BUILD)/gilscope.bpf.o
	echo '/* NOLINTBEGIN: generated */' > $@.new
	$(BPFTOOL) gen skeleton $< name gilscope_bpf >> $@.new
	echo '/* NOLINTEND */' >> $@.new
	mv $@.new $@

# What --version prints about the build. When the commit or the options change, this file changes, and one object is compiled again.
COMMIT = $(shell test -e .git && git describe --always --dirty --tags 2> /dev/null || echo unknown)
$(BUILD)/build_info_values.h: FORCE
	@mkdir -p $(@D)
	@printf '#define %s "%s"\n' BUILD_COMMIT '$(COMMIT)' BUILD_ARCH '$(ARCH)' \
		BUILD_OPTIONS '$(subst ",\",$(filter-out -ffile-prefix-map=%,$(CFLAGS)))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(call objects,edge/kernel/build_info): $(BUILD)/build_info_values.h

# The terminals that gilscope knows without a terminfo database.
TERMINALS := ansi linux rxvt rxvt-unicode-256color screen screen-256color tmux tmux-256color vt100 vt220 xterm xterm-256color xterm-color
$(BUILD)/terminfo_values.h:
	@mkdir -p $(@D)
	for name in $(TERMINALS); do ! description=$$(infocmp -0 -q -Q1 $$name 2> /dev/null) || \
		printf '{"%s", "%s"},\n' $$name "$$description"; done > $@
$(call objects,edge/top/terminfo): $(BUILD)/terminfo_values.h

# The HTML page, as strings of C: page.html is page_html.
PAGE := $(addprefix user/core/html/,page.html page.css page.js page_flame.js page_chart.js)
$(BUILD)/page_values.h: $(PAGE)
	@mkdir -p $(@D)
	for file in $(PAGE); do echo "static const char $$(basename $$file | tr . _)[] ="; \
		sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $$file; echo ';'; done > $@.new
	mv $@.new $@
$(call objects,core/html/html) $(BUILD)/fuzzed/core/html/html.o: $(BUILD)/page_values.h

# The compiler writes the names of an object's headers into a file beside the object.
$(call objects,$(filter edge/kernel/probe%,$(EDGE))): $(BUILD)/gilscope.skel.h
$(BUILD)/%.o: user/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c $< -o $@
-include $(patsubst %.o,%.d,$(call objects,$(CORE) $(EDGE) $(COMMANDS)))

$(BUILD)/libcore.a: $(call objects,$(CORE))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/gilscope: $(call objects,$(COMMANDS) $(EDGE)) $(BUILD)/libcore.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

# ---- one file that runs everywhere ----

# The libraries are linked in. The symbols go into a file of their own, and no path of the folder goes into either, so that any two
# builds of a commit by the same compilers are equal, byte for byte. The linker's warning about getpwnam is answered in launch.c.
STATIC_CFLAGS := -O2 -g -ffile-prefix-map=$(CURDIR)=. -ffunction-sections -fdata-sections -DGILSCOPE_STATIC
# The linker's map says what is linked in (packaging/sbom).
STATIC_LDFLAGS = -static -Wl,--gc-sections,--no-warnings,-Map=$(BUILD)/static/gilscope.map
static:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/static CFLAGS="$(STATIC_CFLAGS)" LDFLAGS="$(STATIC_LDFLAGS)" \
		$(BUILD)/static/gilscope
	$(OBJCOPY) --only-keep-debug $(BUILD)/static/gilscope $(BUILD)/gilscope.static.debug
	$(OBJCOPY) --strip-all --add-gnu-debuglink=$(BUILD)/gilscope.static.debug $(BUILD)/static/gilscope $(BUILD)/gilscope.static
	@echo "built $(BUILD)/gilscope.static; its symbols are in $(BUILD)/gilscope.static.debug"

# ---- tests ----

EDGE_TESTS := test_elf test_frames test_locate test_locate_arm64 test_probe_records test_proc_maps test_python test_python_file test_python_pretended test_site_file test_trace_sink test_usdt
CORE_TESTS := $(filter-out $(EDGE_TESTS), $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c)))
FIXTURES := $(patsubst tests/%.c,%,$(wildcard tests/unit/fixtures*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

$(BUILD)/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(TEST_WARNINGS) -MMD -MP -c $< -o $@
-include $(wildcard $(BUILD)/unit/*.d)

# A test program may have further files, named after it: test_judge.c and judge_*.c.
.SECONDEXPANSION:
parts = $(patsubst tests/%.c,$(BUILD)/%.o,$(wildcard tests/unit/$(1:test_%=%)_*.c))

# Each test links the whole core and nothing else, so that no file of the core can need the edge.
$(CORE_TESTS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/unit/%.o $$(call parts,$$*) $(call objects,$(FIXTURES)) $(BUILD)/libcore.a
	$(CC) $(CFLAGS) $(filter %.o,$^) -Wl,--whole-archive $(BUILD)/libcore.a -Wl,--no-whole-archive $(CORE_LIBS) -o $@

$(BUILD)/test_page: $(BUILD)/unit/replay_run.o

$(EDGE_TESTS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/unit/%.o $(call objects,$(FINDING)) $(BUILD)/libcore.a
	$(CC) $(CFLAGS) $^ $(TEST_LIBS) -lelf $(CORE_LIBS) -rdynamic -o $@
$(BUILD)/unit/test_probe_records.o: $(BUILD)/gilscope.skel.h
$(BUILD)/test_probe_records: $(call objects,$(filter edge/kernel/%,$(EDGE)))
$(BUILD)/test_probe_records: TEST_LIBS := -lbpf -lpthread
$(BUILD)/test_trace_sink: $(call objects,edge/record/trace_sink edge/record/trace_output)
# These need more of the core.
$(BUILD)/test_trace_sink: TEST_LIBS = $(BUILD)/libcore.a -lpthread
$(BUILD)/test_site_file: $(call objects,edge/observe/site_file edge/observe/site_search edge/observe/looker edge/observe/looker_run edge/observe/native)
$(BUILD)/test_site_file: TEST_LIBS = $(BUILD)/libcore.a

unit: $(CORE_TESTS:%=$(BUILD)/%) $(EDGE_TESTS:%=$(BUILD)/%)

# Preloaded into the program, it lets one request to the system fail.
$(BUILD)/fault.so: tests/fault/fault.c $(BUILD)/flags
	$(CC) $(CPPFLAGS) -O1 -g -fno-omit-frame-pointer $(WARNINGS) -shared -fPIC $< -lgcc_s -ldl -o $@

# What the tests on other kernels need besides the program.
$(BUILD)/kernels/verify: tests/kernels/verify.c $(BUILD)/gilscope.skel.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $< -lbpf -lelf -lz -o $@

$(BUILD)/kernels/busy.so: tests/workloads/busy.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -fPIC $< -o $@

for-kernels: all $(BUILD)/kernels/verify $(BUILD)/kernels/busy.so

# The reproducers of docs/kernel-*.md. nop_fork exists only for x86-64, because it is about an instruction of that architecture.
REPORTS := private_stack private_stack.bpf.o $(if $(filter x86,$(ARCH)),nop_fork)

$(BUILD)/kernels/reports/%.bpf.o: tests/kernels/reports/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -mcpu=v3 -target bpf -Wall -Wextra -Werror -Wno-unused-parameter \
		-I/usr/include/$(shell gcc -print-multiarch) -c $< -o $@

$(BUILD)/kernels/reports/%: tests/kernels/reports/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) $< -lbpf -lelf -lz -o $@

for-kernel-reports: all $(REPORTS:%=$(BUILD)/kernels/reports/%)

# The program and the unit tests again, with the sanitizers in them.
sanitized:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitized CFLAGS="$(SANITIZE)" all unit $(BUILD)/sanitized/fault.so

$(BUILD)/fuzzed/%.o: user/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link -std=gnu11 -MMD -MP -c $< -o $@
-include $(patsubst %,$(BUILD)/fuzzed/%.d,$(FINDING) $(CORE) edge/observe/native edge/observe/process_blame edge/observe/process_callers)

FUZZED := $(FINDING) $(CORE) edge/observe/native edge/observe/process_blame edge/observe/process_callers
$(BUILD)/libfuzzed.a: $(FUZZED:%=$(BUILD)/fuzzed/%.o)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/libfuzzed.a
	$(CLANG) $(CPPFLAGS) $(SANITIZE) -fsanitize=fuzzer -std=gnu11 $^ $(REPLACED:%=-Wl,--wrap=%) -rdynamic -lelf $(CORE_LIBS) -o $@

# The functions in whose place a fuzzer has its own.
$(BUILD)/fuzz_objects: REPLACED := proc_mem__read process_vm_readv
$(BUILD)/fuzz_printable: REPLACED := locale__is_utf8
$(BUILD)/fuzz_process: REPLACED := nanosleep proc__comm proc__exe proc__has_argument proc_image__is_over proc_image__open \
	proc_map__open proc_maps__read proc_mem__read

fuzzers: $(FUZZERS:%=$(BUILD)/%)

# The same fuzzers, built to count which lines they reach.
covered-fuzzers:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/covered SANITIZE="-O1 -g -fprofile-instr-generate -fcoverage-mapping" fuzzers

# How each file is compiled, for clangd, clang-tidy and editors.
COMPILED := $(patsubst %,user/%.c,$(CORE) $(EDGE) $(COMMANDS)) $(wildcard tests/unit/*.c)
compile_commands.json: FORCE
	@for file in $(COMPILED); do \
		printf '{"directory": "%s", "file": "%s", "command": "%s"},\n' '$(CURDIR)' "$$file" \
			'$(subst ",\",$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(WARNINGS)) -c '"$$file"; \
	done | sed '1s/^/[/; $$s/,$$/]/' > $@

fuzz: deps
	$(MAKE) --no-print-directory fuzzers covered-fuzzers
	tests/fuzz/run $(BUILD) $(FUZZ_SECONDS)

# Interpreters with GIL probes. Without them, the tests that need them are skipped.
usdt-python: deps ; @tests/usdt-python

check: deps
	$(MAKE) --no-print-directory WERROR=-Werror INSTALL_DEPS=yes test

# For packagers, and for people without root. Here warnings are not errors, because other compilers have other warnings.
test: export INSTALL_DEPS ?= no
test: all wheel unit for-kernels sanitized fuzzers compile_commands.json $(BUILD)/fault.so
	-@tests/usdt-python
	-@tests/musl-python > /dev/null
	tests/run $(BUILD)

check-perf-events: deps
	$(MAKE) --no-print-directory all
	tests/run $(BUILD) perf-events

check-faults: deps
	$(MAKE) --no-print-directory all sanitized $(BUILD)/fault.so
	$(AS_ROOT) tests/fault/run $(BUILD)
	$(AS_ROOT) tests/fault/run $(BUILD)/sanitized

check-verdicts: deps
	$(MAKE) --no-print-directory all
	$(AS_ROOT) env GILSCOPE=$(abspath $(BUILD))/gilscope tests/verdicts

# Nothing else needs these.
PROGRAM_PACKAGES := apache2 gdb gunicorn libapache2-mod-wsgi-py3 postgresql postgresql-plpython3-15 python3-aiohttp python3-celery \
	python3-dask python3-gevent python3-ipykernel python3-jupyter-client python3-numpy python3-tornado uwsgi-core uwsgi-plugin-python3 vim-nox
check-programs: deps
	tests/deps $(PROGRAM_PACKAGES)
	$(MAKE) --no-print-directory all
	$(AS_ROOT) env GILSCOPE=$(abspath $(BUILD))/gilscope tests/programs

# Tests each of KERNELS, or all kernels (see tests/kernels/check), under qemu, and updates the table in docs/supported.md.
check-kernels: deps
	$(MAKE) --no-print-directory for-kernels
	@status=0; tests/kernels/check $(BUILD) $(KERNELS) || status=$$?; tests/kernels/table; exit $$status

# Runs the reproducers on each of KERNELS, for x86-64, under qemu and never on the machine's own kernel. If each CPU is emulated by a
# thread of its own, some kernels die while they boot; so one thread emulates both.
kernel-reports: deps
	@tests/deps qemu-system-x86 cpio e2fsprogs kmod xz-utils zstd
	$(MAKE) --no-print-directory for-kernel-reports
	for kernel in $(or $(KERNELS),6.12 7.2 7); do QEMU_THREADS=single tests/kernels/boot $(BUILD) $$kernel \
		tests/kernels/reports/run build/kernels/reports || exit; done

# ---- the benchmarks and the demo ----

$(BUILD)/bench-empty: tests/bench/empty.c $(call objects,$(FINDING) $(filter edge/kernel/%,$(EDGE)) edge/observe/site_file \
		edge/observe/site_search edge/observe/looker edge/observe/looker_run edge/observe/native) \
		$(BUILD)/libcore.a
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $^ $(LDLIBS) -o $@

bench: deps
	$(MAKE) --no-print-directory all $(BUILD)/bench-empty
	tests/bench/run $(BUILD)

usdt-cost: deps
	tests/deps valgrind
	tests/usdt-python > /dev/null
	tests/usdt-python --plain > /dev/null
	for v in 3.13 3.11; do echo "CPython $$v"; /usr/bin/python3 tests/bench/usdt_untraced.py \
		$$(tests/usdt-python --list --plain $$v) $$(tests/usdt-python --list $$v); done

demo: build-deps
	$(MAKE) --no-print-directory all
	@echo
	@echo '$$ gilscope stat -- python3 tests/workloads/demo.py'
	@$(AS_ROOT) $(BUILD)/gilscope stat -- /usr/bin/python3 tests/workloads/demo.py

# ---- installing ----

# Where packages want things; each can be set, and so can DESTDIR, in front of all of them.
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/gilscope
INCLUDEDIR ?= $(PREFIX)/include
BASH_COMPLETIONS ?= $(DATADIR)/bash-completion/completions
ZSH_COMPLETIONS ?= $(DATADIR)/zsh/site-functions
FISH_COMPLETIONS ?= $(DATADIR)/fish/vendor_completions.d

# A program for another architecture cannot print the scripts, so the program that was built for this machine does.
NATIVE ?= $(if $(filter $(ARCH),$(MACHINE)),$(BUILD)/gilscope,build/gilscope)
COMPLETIONS := $(BUILD)/completions
install: all
	install -D -m 755 $(BUILD)/gilscope $(DESTDIR)$(BINDIR)/gilscope
	install -D -m 644 usdt/gil_probes.h $(DESTDIR)$(INCLUDEDIR)/gil_probes.h
	for page in docs/*.1; do install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man1/$${page##*/} || exit; done
	for file in README.md CHANGELOG.md LICENSE SECURITY.md docs/*.md docs/*.schema.json; do \
		install -D -m 644 $$file $(DESTDIR)$(DOCDIR)/$${file##*/} || exit; done
	for file in LICENSES/*; do install -D -m 644 $$file $(DESTDIR)$(DOCDIR)/$$file || exit; done
	for file in $$(find examples -type f); do install -D -m 644 $$file $(DESTDIR)$(DOCDIR)/$$file || exit; done
	mkdir -p $(COMPLETIONS)
	for shell in bash zsh fish; do $(NATIVE) completion $$shell > $(COMPLETIONS)/$$shell || exit; done
	install -D -m 644 $(COMPLETIONS)/bash $(DESTDIR)$(BASH_COMPLETIONS)/gilscope
	install -D -m 644 $(COMPLETIONS)/zsh $(DESTDIR)$(ZSH_COMPLETIONS)/_gilscope
	install -D -m 644 $(COMPLETIONS)/fish $(DESTDIR)$(FISH_COMPLETIONS)/gilscope.fish

# HTML of the man pages and the documents, in build/html.
html:
	docs/html $(abspath $(BUILD))/html

# The packages are built from a copy of the committed files, without the inputs of the fuzzers, which are binary.
VERSION := $(shell sed -n 's/.*GILSCOPE_VERSION "\(.*\)"/\1/p' user/core/base/version.h)
ARCHIVE := gilscope-$(VERSION).tar.xz
# Two archives of a commit are equal, byte for byte.
$(BUILD)/dist/$(ARCHIVE): FORCE
	@mkdir -p $(@D)
	git archive --prefix=gilscope-$(VERSION)/ HEAD -- ':!tests/fuzz/corpus' | xz -T1 > $@

deb: deps $(BUILD)/dist/$(ARCHIVE)
	tests/deps debhelper lintian dpkg-dev cmark-gfm mandoc
	rm -rf $(BUILD)/deb
	mkdir -p $(BUILD)/deb
	cp $(BUILD)/dist/$(ARCHIVE) $(BUILD)/deb/gilscope_$(VERSION).orig.tar.xz
	tar -C $(BUILD)/deb -xJf $(BUILD)/dist/$(ARCHIVE)
	cp -r packaging/debian $(BUILD)/deb/gilscope-$(VERSION)/debian
	cd $(BUILD)/deb/gilscope-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
	cd $(BUILD)/deb && lintian --fail-on error,warning --suppress-tags bad-distribution-in-changes-file,initial-upload-closes-no-bugs *.changes

# Fedora's names of what is needed to build are not Debian's, so they are not checked.
rpm: deps $(BUILD)/dist/$(ARCHIVE)
	mkdir -p $(BUILD)/rpm/SOURCES
	cp $(BUILD)/dist/$(ARCHIVE) $(BUILD)/rpm/SOURCES
	sed 's/@VERSION@/$(VERSION)/' packaging/rpm/gilscope.spec > $(BUILD)/rpm/gilscope.spec
	env -u MAKEFLAGS -u MAKELEVEL rpmbuild --nodeps -bb --define '_topdir $(abspath $(BUILD))/rpm' $(BUILD)/rpm/gilscope.spec

# The same for Arch Linux. makepkg refuses to run as root.
arch: deps $(BUILD)/dist/$(ARCHIVE)
	rm -rf $(BUILD)/arch && mkdir -p $(BUILD)/arch
	cp packaging/arch/PKGBUILD $(BUILD)/dist/$(ARCHIVE) $(BUILD)/arch
	place=$$(mktemp -d) && cp $(BUILD)/arch/* $$place && chmod -R a+rwX $$place && cd $$place && \
		$(if $(AS_ROOT),,runuser -u nobody --) env -u MAKEFLAGS -u MAKELEVEL HOME=$$place makepkg --nodeps --noconfirm && cd - && cp $$place/*.pkg.tar* $(BUILD)/arch && rm -rf $$place

# What a release consists of, in build/dist.
DIST := $(BUILD)/dist
dist: deb wheel
	$(MAKE) --no-print-directory ARCH=arm64 build-deps wheel
	for arch in x86_64:$(BUILD) aarch64:$(BUILD)/arm64; do for suffix in "" .debug; do \
		cp $${arch#*:}/gilscope.static$$suffix $(DIST)/gilscope-$(VERSION)-linux-$${arch%%:*}$$suffix || exit; done; done
	cp $(BUILD)/wheel/*.whl $(BUILD)/arm64/wheel/*.whl $(BUILD)/deb/*.deb $(DIST)
	set -e; date=$$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd); \
	for arch in x86_64:$(BUILD): aarch64:$(BUILD)/arm64:$$(tests/kernels/root arm64); do \
		program=$(DIST)/gilscope-$(VERSION)-linux-$${arch%%:*}; places=$${arch#*:}; \
		packaging/sbom $(VERSION) "$$(sha256sum < $$program | cut -d ' ' -f 1)" "$$date" \
			$${places%%:*}/static/gilscope.map $${places#*:} > $$program.spdx.json; done
	cd $(DIST) && rm -f SHA256SUMS && sha256sum * > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS

# A wheel for pip, with the static program in it; make ARCH=arm64 wheel makes that of the other architecture.
wheel: static
	packaging/wheel/build $(BUILD)/gilscope.static $(subst x86,x86_64,$(subst arm64,aarch64,$(ARCH))) $(VERSION) $(BUILD)/wheel

# Installs, tests and purges them on a fresh Debian 12 and 13.
check-deb: deb
	tests/deps autopkgtest debootstrap
	$(AS_ROOT) packaging/debian/check $(BUILD)/deb bookworm trixie

# Makes root directories of other systems, and runs each command and the wheel there.
check-everywhere: deps
	tests/deps debootstrap
	tests/musl-python > /dev/null
	$(MAKE) --no-print-directory wheel
	$(AS_ROOT) tests/roots
	$(AS_ROOT) env GILSCOPE=$(abspath $(BUILD))/gilscope GILSCOPE_ROOTS=$(or $(GILSCOPE_CACHE),$(HOME)/.cache/gilscope)/roots \
		/usr/bin/python3 tests/e2e/run.py -k everywhere

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/gilscope $(DESTDIR)$(INCLUDEDIR)/gil_probes.h $(DESTDIR)$(BASH_COMPLETIONS)/gilscope \
		$(DESTDIR)$(ZSH_COMPLETIONS)/_gilscope $(DESTDIR)$(FISH_COMPLETIONS)/gilscope.fish
	for page in docs/*.1; do rm -f $(DESTDIR)$(MANDIR)/man1/$${page##*/}; done
	rm -rf $(DESTDIR)$(DOCDIR)

tidy: deps
	$(MAKE) --no-print-directory -s all compile_commands.json
	git ls-files 'user/*.c' | xargs -P $$(nproc) -n 1 clang-tidy -p . --quiet

deps: ; @tests/deps $(BUILD_PACKAGES) $(TEST_PACKAGES)

build-deps: ; @tests/deps $(BUILD_PACKAGES) python3

clean:
	rm -rf $(BUILD) compile_commands.json

.PHONY: FORCE static tidy test check-kernels for-kernels for-kernel-reports kernel-reports all unit sanitized fuzzers covered-fuzzers fuzz check check-faults check-perf-events check-programs check-verdicts usdt-python usdt-cost bench demo install uninstall html deb check-deb check-everywhere wheel rpm arch dist deps build-deps clean
.DELETE_ON_ERROR:

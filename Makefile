# SPDX-License-Identifier: GPL-2.0
# The one entry point. Everything that is made lies under build/.

# Without K, or with K=all: test and check are made for every version of Linux that has results of a full test, all other targets
# for the newest of these. A version whose series is under way has none yet, and has to be named by K.
K	?= all
KERNELS := $(shell ls -v results/*/full-test | cut -d/ -f2)
every	:=
ifeq ($(K),all)
override K := $(lastword $(KERNELS))
every	:= $(filter-out 1,$(words $(KERNELS)))
endif
export K LINUX_SRC ACCEL JOBS REGION CONFIG EDITED TEST


help:				## this list
	@echo 'Compound devmaps: a patch series for Linux $(K), and what builds, boots and tests it.'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | sed 's/$$(K)/$(K)/g' | expand -t 12
	@echo
	@echo 'Variables:'
	@echo '  K=VERSION       version of Linux, a folder of patches/: $(shell ls -v patches) (default: $(KERNELS); test and check do all of these, other targets the newest)'
	@echo '  LINUX_SRC=PATH  kernel tarball or tree to use, instead of fetching it from Debian'
	@echo '  ACCEL=kvm       use KVM; the default, tcg, works everywhere'
	@echo '  JOBS=N          compile jobs (default: all processors)'
	@echo '  CONFIG=FILE     for deb: configuration of a kernel (default: that of the running one, or of Debian'"'"'s)'
	@echo '  REGION=16G      size of the guest'"'"'s NVDIMM, for shell, and for demo and bench (there 64G)'
	@echo '  KERNEL=patched  for shell and guest-test: stock, patched, debug, pagealloc, leak, small or nothp; for stress patched, debug or leak'
	@echo '  TEST="load vfio"  for guest-test: which of its guests (default: all)'
	@echo '  MEM=2G SMP=2    for shell: RAM and processors (default: these)'
	@echo '  PARTS="stock guide" for full-test: some of the parts that scripts/full-test lists (default: all)'
	@echo '  FIRST=1 LAST=9  for bisect: numbers of patches (default: all)'
	@echo '  MINUTES=10 SEED=1   for stress: its duration, and the seed of its random order (default: these)'
	@echo '  TIMES=50 SEED=1     for power: how many times, and the seed of the moments (default: these)'
	@echo '  EDITED=yes      for test, guest-test, demo and power: accept kernel trees under build/ that differ from the queue'

setup: $(addprefix build/setup-,guest check plots packages guide cross arm64)	## install all Debian packages; each target installs what it needs
build/setup-%: scripts/setup
	@scripts/setup $*

tree: build/setup-guest		## fetch the kernel source; lay it out as a git tree, one commit per patch
	@scripts/tree

patches: build/setup-guest	## export the queue from the git tree build/$(K)/linux to patches/$(K)
	@scripts/export

kernel: tree			## build the stock and the patched kernel, and the guest's initramfs
	@scripts/kernel stock
	@scripts/kernel patched
	@scripts/initramfs

shell: tree			## a shell in a guest with an NVDIMM, ndctl and daxctl
	@scripts/kernel $(or $(KERNEL),patched)
	@scripts/initramfs
	@scripts/guest $(if $(MEM),-m $(MEM)) $(if $(SMP),-s $(SMP)) shell $(or $(KERNEL),patched)

demo: kernel			## build, boot and measure stock and patched; print the before/after table
	@scripts/demo

bench: build/setup-plots demo	## run demo, and save its results: data and plots in results/$(K), tables in README.md
	@mkdir -p results/$(K)
	@cp build/$(K)/bench.dat build/$(K)/consumers.dat build/$(K)/figures.dat results/$(K)/
	@scripts/report results/$(K) results/$(K) > build/$(K)/tables.md
	@sed -i '/^<!-- results $(K) /,/^<!-- end/{/^<!--/!d}; /^<!-- results $(K) /r build/$(K)/tables.md' README.md

deb: build/setup-packages tree	## Debian packages of the patched kernel, in build/$(K)/deb
	@scripts/deb

guide: build/setup-guide tree	## do what the user's guide says: build packages, install, boot, use
	@scripts/guide

series: tree			## the series as mails with a cover letter, in build/$(K)/outgoing
	@scripts/series

ifeq ($(every),)
check: build/setup-check tree	## checkpatch, git am, builds of every patch with W=1 and sparse, kernel-doc, shellcheck
	@scripts/check
	@scripts/check each

test:				## install what is missing, build the kernels, and run the tests
	@scripts/test
else
check test:
	@scripts/every $@
endif

full-test: tree			## run the tests that "test" leaves out (takes hours), or the PARTS of them; their results go to results/$(K)/full-test
	@scripts/full-test $(PARTS)

guest-test: tree		## run the guest tests of one KERNEL, or the guests of TEST among them
	@scripts/kernel $(or $(KERNEL),patched)
	@scripts/initramfs $(filter arm64,$(KERNEL))
	@scripts/test $(or $(KERNEL),patched)

bisect: tree			## build, boot and test the kernel of every patch, or of FIRST to LAST
	@scripts/initramfs
	@scripts/bisect $(or $(FIRST),1) $(LAST)

stress: tree			## unbind, bind, resize and convert devices of all kinds while they are under load
	@scripts/kernel $(or $(KERNEL),patched)
	@scripts/initramfs
	@scripts/stress $(or $(KERNEL),patched) $(or $(MINUTES),10) $(or $(SEED),1)

power: kernel			## kill the guest while it makes namespaces, again and again
	@scripts/power $(or $(TIMES),50) $(or $(SEED),1)

clean:				## remove build/; keep the user's cache of downloads and compiled files
	rm -rf build

.PHONY: help setup tree patches kernel shell demo bench deb guide series check test full-test guest-test bisect stress power clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

# SPDX-License-Identifier: GPL-2.0
#
# Commands for people; `make help` lists them. How the driver is built is in
# Kbuild.

RUN := tests/setup/run.sh
SETUP := tests/setup/setup.sh
export KVER OUT SIGN_KEY SIGN_CERT INSTALL_MOD_PATH INSTALL_MOD_DIR V

# Without KDIR the module is built for the prepared kernel with the toolchain
# that built that kernel; with KDIR, for that build folder with the host's.
ifdef KDIR
# Packages of kernel headers, such as Debian's, leave out what Rust modules need.
ifeq ($(filter clean help,$(MAKECMDGOALS))$(wildcard $(KDIR)/rust/libkernel.rmeta),)
$(error $(KDIR) has no Rust crates (rust/libkernel.rmeta), as packages of kernel headers do not: \
	run make without KDIR, which builds for the kernel of Debian, or give the folder of a kernel \
	built with CONFIG_RUST=y)
endif
kbuild = +$(MAKE) -C $(KDIR) M=$(CURDIR)
else
kbuild = $(RUN) --write make -C /kernel/build M=/src -j$(shell nproc)
endif

.PHONY: modules
modules: | $(if $(KDIR),,setup-kernel) ##! Build muennet.ko; KDIR=FOLDER for a kernel that was built there
	$(kbuild) modules

.PHONY: install
install: modules ##! Install it and run depmod; INSTALL_MOD_PATH is a prefix for /lib/modules
ifdef KDIR
	+$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) \
		"$$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)"
else
	tests/setup/install.sh
endif

.PHONY: clean
clean: ##! Remove what a build leaves in this folder
ifdef KDIR
	$(kbuild) clean
else
	tests/setup/clean.sh
endif

.PHONY: demo
demo: | setup-machines ##! Two subjects in two virtual machines talk to each other
	$(RUN) tests/setup/with-module.sh tests/rig/demo

.PHONY: shell
shell: | setup-machines ##! A shell in a virtual machine with the driver loaded
	$(RUN) tests/setup/with-module.sh tests/rig/shell

# Which tests, such as T=stack.test_many_queues; all of them without it.
T ?=
check = @tests/check $(foreach t,$(T),-t '$(t)')

.PHONY: check
check: ##! Run the tests; ends with "N passed, M failed"
	@tests/check

.PHONY: check-lint
check-lint: ##! Style and structure of the sources; T=clippy runs that check
	$(check) lint

.PHONY: check-host
check-host: ##! Pure parts on the host, also under the model checker; T=loom::wakeup
	$(check) host

.PHONY: check-kunit
check-kunit: ##! Unit tests in a user-mode Linux; T=muennet_mark_set
	$(check) kunit

.PHONY: check-e2e
check-e2e: export MUENNET_ALL := $(ALL)
check-e2e: ##! The module in virtual machines; T=stack.test_many_queues; ALL=1 runs all variants
	$(check) e2e

.PHONY: check-debug
check-debug: ##! The module in a kernel with KASAN, lockdep and others; T=faults.test_load.ip
	$(check) debug

.PHONY: check-configs
check-configs: | setup-uml ##! Compile the driver for kernels without IPv6, SMP, debugfs, ...; T=ipv6
	@$(RUN) --in-tree tests/configs/run $(T)

.PHONY: check-tiny
check-tiny: | setup-uml setup-machines ##! Build a small kernel with the driver, from make tinyconfig, and boot it
	@$(RUN) --in-tree tests/setup/with-module.sh tests/tiny/run

.PHONY: check-kernels
check-kernels: ##! The end-to-end tests in each stock kernel with Rust; KERNELS='rt-amd64 arm64'
	@tests/kernels $(KERNELS)

# How many mutations, and what decides on them.
N ?= 10000000
SEED ?= 1

.PHONY: series
series: | setup-kernel ##! Make patch series for a kernel tree from these sources, in the cache
	@$(RUN) series/generate /kernel/series

.PHONY: check-series
check-series: | setup-series setup-machines ##! Build and test each patch of the series; T='build b' does a part
	@$(RUN) tests/setup/with-module.sh series/check $(T)

.PHONY: fuzz
fuzz: | setup-cargo ##! Attack the reader on the host; N=10000000 mutations, SEED=1
	@$(RUN) tests/fuzz/run $(N) $(SEED)

.PHONY: bench
bench: | setup-kernel setup-uml setup-cargo ##! Measure it against virtio-net and veth; GROUP=pair measures that only
	@$(RUN) --in-tree --write tests/setup/with-module.sh bench/run $(GROUP)

# How long a soak lasts at least, and where it begins.
MINUTES ?= 30
FROM ?=

.PHONY: soak
soak: | setup-debug-modules ##! Stress, attacks and the debug kernel at full length; MINUTES=30, FROM= goes on
	@$(RUN) tests/setup/with-module.sh tests/soak/run $(MINUTES) $(FROM)

.PHONY: deb
deb: | setup-deb ##! Build Debian packages for each prepared kernel; OUT=, SIGN_KEY=, SIGN_CERT=
	@tests/setup/deb.sh

.PHONY: check-deb
check-deb: | setup-debian ##! Build packages; install, boot, upgrade and remove them in a virtual machine
	@tests/deb/check

.PHONY: format
format: | setup-kernel ##! Format the Rust sources
	@$(RUN) --write tests/lint/format

.PHONY: uapi
uapi: | setup-kernel ##! Generate what follows from child/muennet.yaml, the netlink specification
	@$(RUN) --write tests/lint/uapi

.PHONY: setup
setup: ##! Make all that demo and tests need, in ~/.cache/muennet; needs the network once
	@$(SETUP)

.PHONY: setup-kernel setup-uml setup-debug-modules setup-cargo setup-machines setup-deb setup-debian setup-series
setup-kernel:
	@$(SETUP) root kernel
# The tool in the machines is a cargo project.
setup-machines: setup-cargo
setup-uml:
	@$(SETUP) root kernel uml
setup-debug-modules:
	@$(SETUP) root kernel debug debug_modules
setup-cargo:
	@$(SETUP) root kernel cargo

setup-deb:
	@$(SETUP) root kernel cargo deb
setup-series:
	@$(SETUP) root kernel cargo series
setup-debian:
	@$(SETUP) root kernel cargo deb debian

.PHONY: help
help: ##! This list
	@awk -F ' ##! ' '/^[a-z0-9-]+:.* ##! / { sub(/:.*/, "", $$1); printf "make %-12s %s\n", $$1, $$2 }' \
		Makefile
	@echo
	@echo 'KVER=7.3.4+deb13-amd64 chooses another kernel than the newest of the series; so do'
	@echo 'the flavours amd64, rt-amd64, cloud-amd64, arm64, rt-arm64, cloud-arm64.'
	@echo 'XDG_CACHE_HOME and DEBIAN_MIRROR are honoured; V=1 shows the commands of a build.'

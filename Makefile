# Spillway's build. `make` alone lists the targets; CONTRIBUTING.md explains the two forms of the agent.

PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
DATADIR     ?= $(PREFIX)/share
MANDIR      ?= $(DATADIR)/man
DOCDIR      ?= $(DATADIR)/doc/spillway
UNITDIR     ?= $(PREFIX)/lib/systemd/system
CATALOGDIR  ?= $(PREFIX)/lib/systemd/catalog
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR  ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d

# Adapts the paths of the unit and its drop-ins, which are written for a package.
AT_PREFIX = -e 's,/usr/bin/spillway,$(BINDIR)/spillway,g' -e 's,/usr/share/spillway,$(DATADIR)/spillway,g' \
  -e 's,/etc/spillway,$(SYSCONFDIR)/spillway,g'

# The pages that somebody needs who runs Spillway. An imported policy names the first.
REFERENCES = $(addprefix docs/,policy.md record.md flight.md policy-image.md)

# The Swift runtime is linked into the tool, so that it runs where no Swift is installed. The tool looks for libraries only
# where the system does.
RELEASE := -c release --static-swift-stdlib --disable-local-rpath
# The list has directories too: their time changes when a file is removed.
RESIDENT := $(shell find Sources -not -path 'Sources/spillway/*' -not -path 'Sources/PolicyFile/*' -not -path 'Sources/History/*' 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.NOTPARALLEL:
.PHONY: help setup tool build run test bench arena arena-quick arena-setup corpus retune guest-test format lint image \
  install uninstall deb clean FORCE

help: ## Show these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Install the build's packages that this machine lacks
	@scripts/setup.sh build

build: setup tool build/bin/spillwayd ## Build build/bin/spillway, and build/bin/spillwayd in its small form

# SwiftPM decides what is out of date. The agent is built beside the tool in its ordinary form and stays in .build.
tool:
	swift build $(RELEASE) --product spillway
	swift build $(RELEASE) --product spillwayd
	@scripts/copy-stripped.sh .build/release/spillway build/bin/spillway

build/bin/spillwayd: $(RESIDENT) scripts/build-agent.sh scripts/agent-order.txt build/toolchain
	@mkdir -p $(@D)
	scripts/build-agent.sh $@

# This file changes only when the compiler does.
build/toolchain: FORCE
	@mkdir -p $(@D)
	@swift --version >$@.new 2>/dev/null
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

run: build ## Rank this machine's processes, then watch it in dry run until Ctrl-C, or for RUN_FOR seconds
	build/bin/spillway rank --limit 10
	$(if $(RUN_FOR),timeout --foreground --preserve-status $(RUN_FOR) )build/bin/spillway run --dry-run --verbose

# Exit tests get a test process of their own. They wait for their child with waitid(2), which does not return while a child
# that another test has left is a zombie.
test: build ## Build, then run every test
	@scripts/setup.sh test
	@scripts/run-tests.sh all --skip SteadyTests
	@scripts/run-tests.sh exit --skip-build --filter SteadyTests

bench: build ## Measure beside earlyoom and a floor in C; RECORD=1 writes docs/performance.md
	Benchmarks/run.sh

# The agents and scenarios of a run; docs/arena.md names them. With POLICY, only Spillway runs, under that policy.
ARENA = PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=Tests/Arena python3 -m arena
AGENTS ?= $(if $(POLICY),spillway,kernel,earlyoom,nohang,oomd,spillway,dry-run)
REPEAT ?= $(if $(POLICY),1,3)
# The number of guests at a time, each with two processors.
GUESTS ?= 1
ARENA_RUN = $(ARENA) run --agents $(AGENTS) $(if $(POLICY),--policy $(POLICY)) --repeat $(REPEAT) --guests $(GUESTS) \
  $(if $(RESUME),--resume)

arena: build arena-setup ## Run virtual machines out of memory under Spillway, its peers and the kernel; POLICY=mine.toml: under that policy
	$(if $(RESUME),,@rm -rf build/arena/results)
	$(ARENA_RUN) $(SCENARIOS)

arena-quick: AGENTS = spillway
arena-quick: REPEAT = 1
arena-quick: build arena-setup ## Run five scenarios of the arena under Spillway, in at most six minutes
	@rm -rf build/arena/results
	$(ARENA_RUN) --quick

arena-setup: ## Make the arena's guests from Debian's packages
	@scripts/setup.sh arena
	$(ARENA) setup $(if $(findstring oomd,$(AGENTS)),--debian)

# A scenario with a fault is left out, and the others are taken.
corpus: AGENTS = spillway
corpus: build arena-setup ## Record the flights that tests replay, of all scenarios or of SCENARIOS='burst swarm'
	@rm -rf build/arena/corpus
	$(ARENA) run --agents $(AGENTS) --results build/arena/corpus $(SCENARIOS) || test $$? -eq 1
	$(ARENA) corpus --results build/arena/corpus

retune: tool ## Try a changed policy on the recorded flights: which it decides otherwise; POLICY=mine.toml, SCENARIOS='burst swarm'
	$(ARENA) retune $(if $(POLICY),--policy $(POLICY)) $(SCENARIOS)

guest-test: deb ## Install the package in a Debian guest and test it there, in some seven minutes; ONLY=word: some checks
	@scripts/setup.sh guest
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=Tests/Arena:Tests/Guest python3 -m guesttest $(if $(ONLY),--only $(ONLY))

format: ## Format the Swift sources as .swift-format says
	swift format --in-place --recursive Sources Tests Package.swift

lint: ## Check the form of sources, scripts, manual pages and the unit
	swift format lint --strict --recursive Sources Tests Package.swift
	@scripts/lint.sh

image: setup ## Write the built-in policy image from policies/server.toml
	swift build --product spillway
	scripts/generate-builtin-image.sh .build/debug/spillway

install: ## Install what `make build` built, below DESTDIR and PREFIX
	@test -x build/bin/spillway && test -x build/bin/spillwayd || { echo 'make: run `make build` first' >&2; exit 1; }
	install -Dm 755 build/bin/spillway "$(DESTDIR)$(BINDIR)/spillway"
	install -Dm 755 build/bin/spillwayd "$(DESTDIR)$(SBINDIR)/spillwayd"
	install -Dm 644 -t "$(DESTDIR)$(DATADIR)/spillway/policies" policies/*.toml
	install -Dm 644 -t "$(DESTDIR)$(DATADIR)/spillway" packaging/schema/spillway.schema.json packaging/schema/record.schema.json
	install -Dm 644 -t "$(DESTDIR)$(DOCDIR)" $(REFERENCES)
	install -Dm 644 packaging/man/spillway.1 "$(DESTDIR)$(MANDIR)/man1/spillway.1"
	install -Dm 644 packaging/man/spillway.toml.5 "$(DESTDIR)$(MANDIR)/man5/spillway.toml.5"
	install -Dm 644 packaging/man/spillwayd.8 "$(DESTDIR)$(MANDIR)/man8/spillwayd.8"
	sed $(AT_PREFIX) packaging/systemd/spillway.service >build/spillway.service
	install -Dm 644 build/spillway.service "$(DESTDIR)$(UNITDIR)/spillway.service"
	install -Dm 644 packaging/catalog/spillway.catalog "$(DESTDIR)$(CATALOGDIR)/spillway.catalog"
	sed $(AT_PREFIX) packaging/systemd/armed.conf >build/armed.conf
	install -Dm 644 build/armed.conf "$(DESTDIR)$(DATADIR)/spillway/armed.conf"
	install -Dm 644 -t "$(DESTDIR)$(DATADIR)/spillway" packaging/systemd/hooks.conf packaging/systemd/last-resort.conf
	build/bin/spillway --generate-completion-script bash | sed '1{/^#!/d}' >build/completion.bash
	install -Dm 644 build/completion.bash "$(DESTDIR)$(BASHCOMPDIR)/spillway"
	build/bin/spillway --generate-completion-script zsh >build/completion.zsh
	install -Dm 644 build/completion.zsh "$(DESTDIR)$(ZSHCOMPDIR)/_spillway"
	build/bin/spillway --generate-completion-script fish >build/completion.fish
	install -Dm 644 build/completion.fish "$(DESTDIR)$(FISHCOMPDIR)/spillway.fish"
	test -e "$(DESTDIR)$(SYSCONFDIR)/spillway/spillway.toml" || \
	  install -Dm 644 policies/server.toml "$(DESTDIR)$(SYSCONFDIR)/spillway/spillway.toml"

uninstall: ## Remove what `make install` installed, except the configuration
	rm -f "$(DESTDIR)$(BINDIR)/spillway" "$(DESTDIR)$(SBINDIR)/spillwayd" \
	  "$(DESTDIR)$(MANDIR)/man1/spillway.1" "$(DESTDIR)$(MANDIR)/man5/spillway.toml.5" \
	  "$(DESTDIR)$(MANDIR)/man8/spillwayd.8" \
	  "$(DESTDIR)$(UNITDIR)/spillway.service" "$(DESTDIR)$(BASHCOMPDIR)/spillway" \
	  "$(DESTDIR)$(ZSHCOMPDIR)/_spillway" "$(DESTDIR)$(FISHCOMPDIR)/spillway.fish"
	rm -f "$(DESTDIR)$(CATALOGDIR)/spillway.catalog"
	rm -rf "$(DESTDIR)$(DATADIR)/spillway" "$(DESTDIR)$(DOCDIR)"

deb: build ## Build build/spillway_VERSION_ARCH.deb
	@scripts/setup.sh deb
	scripts/build-deb.sh

clean: ## Remove everything that was built
	rm -rf build .build

FORCE:

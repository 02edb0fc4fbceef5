# A thin front: meson builds, pytest tests, tools/bootstrap installs what both need.
#
#   make            build the module        make DEBUG=1   the same, for a debugger, in build-debug/
#   make test       what CI runs            make check     every static check
#   make install    install the module      make packages   a wheel, Debian's packages and RPMs, in dist/
#   make images     containers' images      make dist       all files of a release, in dist/
#   make demo       a call with a mock agent (KEEP=1: then yours;
#                   PROVIDER=openai: of that service; SPEAKERPHONE=1: the caller has no headset;
#                   LOCAL=1: with an agent on this machine, of which nothing is scripted)
#   make docs       the site, in build/site
#   make bench      what calls cost and how fast they are: 33 minutes; QUICK=1: 3.5
#   make reliability  every fault there is, hours of it: writes docs/reliability.md
#   make audit      known weaknesses of the libraries that releases have; needs a network
#   make walks      calls that go any way the model of a call knows, for an hour; MINUTES=20 SEED=7
#   make fuzz       inputs that nobody thought of, for two minutes each kind; SECONDS=600: ten
#   make mutants    small changes of the engine that no unit test notices: LIMIT=600 of them, or MINUTES=n
#
# MESON_OPTIONS="-Dname=value ..." goes to meson when the build directory is made (make clean begins anew).

ifdef DEBUG
BUILD := build-debug
MESON_OPTIONS += --buildtype=debug
else
BUILD := build
endif

# Where nobody reads the output, a warning is an error.
ifdef CI
MESON_OPTIONS += -Dwerror=true
endif

PYTHON := .venv/bin/python
# A run starts hundreds of programs: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
PYTHON_SOURCES := python tests tools packaging

.PHONY: all bootstrap build test-programs lint analyse check scrutinise unit protocol modules conversations local test \
	packages images dist test-packages install docs demo bench reliability audit fuzz walks mutants clean
.DEFAULT_GOAL := all

all: build

bootstrap:
	@tools/bootstrap

$(BUILD)/build.ninja:
	@tools/bootstrap
	meson setup $(BUILD) $(MESON_OPTIONS)

build: bootstrap $(BUILD)/build.ninja
	meson compile -C $(BUILD)

# What tests and measurements start; from then on `make` builds it too.
test-programs: build
	@[ -d $(BUILD)/tests ] || { meson configure $(BUILD) -Dtests=true && meson compile -C $(BUILD); }

lint: bootstrap
	$(PYTHON) -m ruff check $(PYTHON_SOURCES)
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy tools/generate_options.py
	MYPYPATH=tools $(PYTHON) -m mypy tools/generate_reference.py tools/site_hooks.py
	$(PYTHON) -m mypy packaging/release.py packaging/images.py

# What compilers do not see. Debian's package clang-tidy has both commands; elsewhere it may be missing.
analyse: test-programs
	cppcheck -j 2 --project=$(BUILD)/compile_commands.json --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --quiet
	@if command -v run-clang-tidy >/dev/null; then \
		run-clang-tidy -quiet -p $(BUILD) '/(app_aiconvai|tests/(callers|far_end|programs))/' >$(BUILD)/clang-tidy.log 2>&1 \
			|| { cat $(BUILD)/clang-tidy.log; exit 1; }; \
	else \
		echo "clang-tidy is not installed: skipped"; \
	fi

check: lint analyse

# Instructions are counted, memory is watched, other compilers have a look: no clock is in it nor in what analyses, so
# that all this may have the time that others leave.
scrutinise: test-programs
	tools/in_idle_time $(MAKE) check
	tools/in_idle_time $(PYTHON) -m aiconvai instructions
	tools/in_idle_time $(PYTEST) --timeout 900 tests/host/test_build.py
	tools/in_idle_time tools/unit_sanitized

# What the tests load into Asterisk: compilers beside them would keep them from their time.
modules: bootstrap
	$(PYTHON) -m aiconvai asterisk build --sanitized

# Side by side: tests of Asterisk wait most of the time, and share no port, file or process. Each process gets one part
# of them at first, and with it mostly one version, so that few Asterisks are started.
PYTEST = $(PYTHON) -m pytest -x --durations 20 --durations-min 4
SIDE_BY_SIDE = $(PYTEST) --dist worksteal

unit: test-programs
	$(SIDE_BY_SIDE) -n 2 -m "not quiet" tests/unit

# They wait more than they compute. A test that fails where the machine was late is run again.
conversations: bootstrap
	$(SIDE_BY_SIDE) -n 5 -m "not quiet and not programs and not alone" tests/integration

# Real models, which are loaded once for each file.
local: bootstrap
	$(PYTEST) -n 2 --dist loadfile tests/local tests/pipecat

# After those, for what fails there fails here.
protocol: unit
	$(SIDE_BY_SIDE) -n 6 tests/protocol tests/host tests/serve --ignore tests/host/test_build.py

# What fails fast comes first, and the first failure ends the run. Until the modules are there no Asterisk is tested.
test: bootstrap
	$(MAKE) -j 2 protocol modules
	$(MAKE) -j 2 conversations scrutinise
	$(MAKE) local
	$(PYTEST) -n 2 --dist loadfile tests/page
	$(SIDE_BY_SIDE) -n 2 -m quiet tests/unit
	$(SIDE_BY_SIDE) -n 2 -m quiet tests/integration
	$(SIDE_BY_SIDE) -n 3 -m programs tests/integration tests/gateway
	$(PYTEST) -m alone tests/integration tests/gateway
	$(PYTEST) tests/bench

# dist/: a wheel with the engine in it, Debian's packages of the module and the application, and RPMs of both.
packages: bootstrap
	packaging/wheel
	$(PYTHON) packaging/debs.py
	$(PYTHON) packaging/rpms.py

# aiconvai/asterisk, aiconvai/serve, aiconvai/gateway, aiconvai/local, aiconvai/mock: of this tree, for packaging/compose.
images: bootstrap
	$(PYTHON) packaging/images.py

# dist/aiconvai-VERSION/: all files of a release. MINISIGN_KEY=FILE signs them.
dist: bootstrap
	$(PYTHON) packaging/release.py

# They are built once more, and installed into systems that have nothing of ours.
test-packages: test-programs
	$(PYTEST) --timeout 1800 tests/packages

install: build
	meson install -C $(BUILD)

# A link that leads nowhere ends it. tests/unit/test_site.py looks at what comes of it.
docs: bootstrap
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

demo: bootstrap
	.venv/bin/aiconvai demo $(if $(PROVIDER),--provider $(PROVIDER)) $(if $(KEEP),--keep) $(if $(SPEAKERPHONE),--speakerphone) $(if $(LOCAL),--local)

# Every test of the table of faults, also those that take minutes; docs/reliability.md says what came of them.
FAULTS = $(PYTHON) -m pytest --endurance --record-faults --dist worksteal
reliability: test-programs
	$(FAULTS) -n 3 -m fault tests/host tests/serve tests/protocol
	$(FAULTS) -n 3 -m "fault and not alone and not quiet" tests/integration tests/gateway
	$(FAULTS) -n 1 -m "fault and (alone or quiet)" tests/integration tests/gateway
	$(PYTHON) tools/generate_reliability.py

# What is known of the locked libraries (the Python Packaging Advisory Database, OSV). Nothing of it is installed here.
audit: bootstrap
	.venv/bin/uv tool run pip-audit --require-hashes --disable-pip $(foreach one,release application local,--requirement packaging/requirements/$(one).txt)

# What is found stays in build/fuzz-runs/findings/.
fuzz: bootstrap
	$(PYTHON) tools/fuzz.py $(if $(SECONDS),--seconds $(SECONDS))

# A failure says how to repeat it alone, and is kept in tests/model/seeds.json.
walks: bootstrap
	$(PYTHON) tools/walks.py --record $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# What was tried before is not tried again: build/mutants/results.jsonl.
mutants: build
	nice -n 15 $(PYTHON) tools/mutate.py --limit $(or $(LIMIT),600) $(if $(MINUTES),--minutes $(MINUTES))

bench: test-programs
	.venv/bin/aiconvai bench $(if $(QUICK),--quick)

clean:
	rm -rf build build-debug

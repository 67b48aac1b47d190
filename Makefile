# Two commands do everything: `make demo` and `make test`.  `make help` lists the rest.
#
# What is made leaves a stamp beside it, so nothing is built twice.  Nothing here needs root; where root is at
# hand, `make test` installs missing system packages and then runs the tests as a plain user.

VENV   ?= .venv
OLDEST ?= .venv-oldest

# The first Python that is new enough and can make environments (Debian keeps that in python3-venv).
find_python = $(shell for p in $(1); do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= $(2))' 2>/dev/null \
	&& echo $$p && break; done)
PYTHON ?= $(call find_python,python3 python3.14 python3.13 python3.12 python3.11 python,(3, 99))
# Older releases have no wheels for newer Pythons.
OLDEST_PYTHON ?= $(call find_python,python3.11 python3.12 $(PYTHON),(3, 12))

BIN    := $(abspath $(VENV))/bin
PY     := $(BIN)/python
STAMPS := $(VENV)/.stamps
LOGS   := $(VENV)/.logs
JLPM   := $(BIN)/jlpm
PIP    := $(PY) -m pip --disable-pip-version-check -q
LAB_SOURCES := package.json labextension/tsconfig.json labextension/install.json \
	$(shell find labextension/src labextension/style labextension/schema -type f 2>/dev/null)

# What needs browsers and builds.
APART  := tests/e2e tests/packaging
# The report that machines read, if one is asked for; each part writes its own.
JUNIT  := $(patsubst --junitxml=%,%,$(filter --junitxml=%,$(ARGS)))

# In the second environment: everything but browsers, builds and what needs the newest JupyterLab.  What old
# releases warn of has been mended in newer ones, so warnings are no errors there.  The records and the content
# store are tried there on both databases, what stands on them on SQLite alone.
OLDEST_TESTS ?= tests $(addprefix --ignore=,$(APART))
OLDEST_MARKS ?= not ui and not packaging and not newest and not soak and not bench
OLDEST_NAMES ?= not (postgresql and (datasets or tracking or lineage or platform))

export PATH := $(BIN):$(PATH)
export PIP_ROOT_USER_ACTION := ignore
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo test check types reference soak bench lab wheel clean distclean fix coverage \
	test-newest test-apart test-oldest system-packages \
	check-ruff check-format check-mypy check-imports check-lab check-types check-reference

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ------------------------------------------------------------------------------------------- for everybody

demo: $(STAMPS)/lab ## Record examples/quickstart.ipynb live and show it in JupyterLab (SERVE=0: only record)
	@$(PY) tests/demo.py $(if $(filter 0 no false,$(SERVE)),--no-serve)

# Everything runs, also after a failure, in two lanes: most tests wait for other processes and leave a core idle.
# One has the checkers and most tests, the other the oldest dependencies, then browsers and the packages.
# pytest's own closing line is the last.
test: system-packages $(STAMPS)/dev $(STAMPS)/lab node_modules/.stamp $(OLDEST)/.stamp ## Run every check and every test
	@status=0; rm -rf $(LOGS); mkdir -p $(LOGS); \
	{ trap 'kill $$running; exit 1' TERM; for part in oldest apart; do \
		$(MAKE) --no-print-directory test-$$part > $(LOGS)/$$part.log 2>&1 & running=$$!; \
		wait $$running || echo failed > $(LOGS)/$$part.failed; \
	done; } & lane=$$!; trap 'kill $$lane 2>/dev/null' INT TERM; \
	$(MAKE) --no-print-directory --keep-going check || status=1; \
	[ $$status = 0 ] || echo "*** checks: failed, see above; now the tests"; \
	{ $(MAKE) --no-print-directory test-newest || echo failed > $(LOGS)/newest.failed; } 2>&1 | tee $(LOGS)/newest.log; \
	wait $$lane; \
	for part in oldest apart; do \
		[ ! -e $(LOGS)/$$part.failed ] || { echo "*** $$part: failed"; cat $(LOGS)/$$part.log; }; \
	done; \
	for part in oldest apart newest; do \
		[ ! -e $(LOGS)/$$part.failed ] || status=1; \
		echo "--- $$part:"; tail -n 100 $(LOGS)/$$part.log | grep '^=.* in .*=$$\|not tested' | tail -n 1; \
	done; \
	rm -rf $(LOGS); exit $$status

check: check-ruff check-format check-mypy check-imports check-lab check-types check-reference ## Run every checker, change nothing

types: $(STAMPS)/dev node_modules/.stamp ## Write labextension/src/services/api.ts from the operations
	$(PY) -m nbproof.platform.typescript
	node_modules/.bin/prettier --write labextension/src/services/api.ts

reference: $(STAMPS)/dev ## Write docs/reference from the operations
	$(PY) -m nbproof.platform.reference

fix: $(STAMPS)/dev node_modules/.stamp ## Format everything and mend what the checkers can mend
	-$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(JLPM) fix

soak: $(STAMPS)/dev $(STAMPS)/lab ## Run the long versions of the tests
	$(PY) -m tests.run -m soak --timeout 7200 $(ARGS)

bench: $(STAMPS)/dev $(STAMPS)/lab ## Measure, beside the peers; each line with its bar
	$(PY) -m tests.benchmarks $(ARGS)

coverage: $(STAMPS)/dev $(STAMPS)/lab ## Run the tests and say which lines they do not reach
	COVERAGE_RCFILE=setup.cfg $(BIN)/coverage run -m pytest -m "not ui and not packaging" $(ARGS)
	$(BIN)/coverage combine --rcfile setup.cfg
	$(BIN)/coverage report --rcfile setup.cfg

lab: $(STAMPS)/lab ## Build the JupyterLab extension

# The extension is built again: `jlpm watch` may have left its own there, with source maps.
wheel: node_modules/.stamp ## Build dist/*.whl and dist/*.tar.gz
	@rm -rf dist $(STAMPS)/lab
	@$(MAKE) --no-print-directory lab
	$(PY) -m build --outdir dist .

clean: ## Remove what was built, keep the environments
	rm -rf dist labextension/lib labextension/tsconfig.tsbuildinfo python/nbproof/labextension tests/output
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	rm -rf $(VENV)/demo $(STAMPS)/lab

distclean: clean ## Remove the environments too
	rm -rf $(VENV) $(OLDEST) node_modules .yarn

# ------------------------------------------------------------------------------------------ parts of `test`

test-newest: $(STAMPS)/dev $(STAMPS)/lab
	@$(PY) -m tests.run $(addprefix --ignore=,$(APART)) $(ARGS)

test-apart: $(STAMPS)/dev $(STAMPS)/lab
	@$(PY) -m tests.run $(ARGS) $(addprefix --junitxml=,$(JUNIT:.xml=-apart.xml)) $(APART)

test-oldest: $(OLDEST)/.stamp
	@if [ -x $(OLDEST)/bin/python ]; then \
		echo "--- with the oldest dependencies that are allowed" && \
		$(OLDEST)/bin/python -m tests.run -W default -m "$(OLDEST_MARKS)" -k "$(OLDEST_NAMES)" $(OLDEST_TESTS); \
	else echo "--- oldest dependencies: not tested, they need Python 3.11 or 3.12"; fi

system-packages:
	@sh tests/system_packages.sh

check-ruff: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff check --quiet --target-version py313 --select E9,F .

check-format: $(STAMPS)/dev
	$(BIN)/ruff format --check .

check-mypy: $(STAMPS)/dev
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.13

check-imports: $(STAMPS)/dev
	@PYTHONPATH=. $(BIN)/lint-imports --config setup.cfg > $(STAMPS)/imports.log 2>&1 \
		|| { cat $(STAMPS)/imports.log; exit 1; }
	@tail -n 2 $(STAMPS)/imports.log

check-lab: node_modules/.stamp
	$(JLPM) check
	$(JLPM) test:unit

check-types: $(STAMPS)/dev
	$(PY) -m nbproof.platform.typescript --check

check-reference: $(STAMPS)/dev
	$(PY) -m nbproof.platform.reference --check

# -------------------------------------------------------------------------------------------- environments

$(STAMPS)/venv:
	@[ -n "$(PYTHON)" ] || { echo "nbproof needs Python >= 3.11 with venv (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

# The extension's files are linked into the environment below, not copied: see lab.
$(STAMPS)/demo: $(STAMPS)/venv pyproject.toml python/nbproof/_version.py
	@[ ! -L $(VENV)/share/jupyter/labextensions/nbproof ] || rm $(VENV)/share/jupyter/labextensions/nbproof
	SKIP_JUPYTER_BUILDER=1 $(PIP) install --editable . --group demo
	@touch $@

$(STAMPS)/dev: $(STAMPS)/demo
	$(PIP) install --group dev
	@touch $@

node_modules/.stamp: package.json yarn.lock .yarnrc.yml $(STAMPS)/demo
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
		|| { echo "the JupyterLab extension is built with Node >= 20.19, which was not found"; exit 1; }
	@mkdir -p $(STAMPS)
	@echo "$(JLPM) install --immutable"; $(JLPM) install --immutable > $(STAMPS)/jlpm.log 2>&1 \
		|| { grep -v YN0013 $(STAMPS)/jlpm.log; exit 1; }
	@touch $@

$(STAMPS)/lab: node_modules/.stamp $(LAB_SOURCES)
	@echo "$(JLPM) build:prod"; $(JLPM) build:prod > $(STAMPS)/lab.log 2>&1 || { cat $(STAMPS)/lab.log; exit 1; }
	@$(BIN)/jupyter-builder develop --overwrite . > $(STAMPS)/develop.log 2>&1 || { cat $(STAMPS)/develop.log; exit 1; }
	@touch $@

$(OLDEST)/.stamp: pyproject.toml tests/oldest-requirements.txt
	@if [ -n "$(OLDEST_PYTHON)" ]; then set -e; \
		echo "$(OLDEST): the oldest dependencies that are allowed"; \
		rm -rf $(OLDEST); $(OLDEST_PYTHON) -m venv $(OLDEST); \
		$(OLDEST)/bin/python -m pip --disable-pip-version-check -q install --upgrade "pip>=25.1"; \
		SKIP_JUPYTER_BUILDER=1 $(OLDEST)/bin/python -m pip --disable-pip-version-check -q install \
			--editable . --group core-test --constraint tests/oldest-requirements.txt; \
	fi
	@mkdir -p $(OLDEST) && touch $@

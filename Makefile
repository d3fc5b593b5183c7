# Two commands on a fresh machine do all the set-up:  make demo   and   make test
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
BIN_HERE := $(CURDIR)/$(BIN)
SOURCES := $(shell find src -type f -not -path '*/__pycache__/*') pyproject.toml README.md constraints.txt
HOME_OF_TESTS := $(CURDIR)/.make/home
STEP    := scripts/step
export MAKE_RUN := $(shell date +%s)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test coverage test-all test-other test-lowest test-newest lock sbom compile torture check bench docs reference clean help

help:            ## what there is to make
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: .make/install   ## set up, and scan the simulated market
	@$(STEP) "making a market, compiling for this machine, scanning" $(BIN)/technic demo
	@echo "To type technic yourself: source $(BIN)/activate"

test: .make/test compile  ## set up, and run the tests against the built wheel
	@$(STEP) "tests" env TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/python -m pytest -q -n 2 --dist worksteal
	@$(STEP) "indicators as plain Python" env NUMBA_DISABLE_JIT=1 TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/indicators
	@$(STEP) --table

coverage: .make/test compile  ## the same tests, measuring which lines and branches they reach
	@rm -rf .make/coverage && mkdir -p .make/coverage
	@$(STEP) "tests" env TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/coverage run -m pytest -q -n 2 --dist worksteal
	@$(STEP) "indicators as plain Python" env NUMBA_DISABLE_JIT=1 TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/coverage run -m pytest -q tests/indicators
	@$(STEP) "coverage" scripts/coverage $(BIN)/coverage
	@$(STEP) --table

# A step of its own: on a busy machine it takes minutes, and would end the first test that needs it.
compile: .make/test
	@$(STEP) "compiling the indicators" env TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/python scripts/compile_kernel.py

test-all: .make/heavy compile  ## the slow tests too, on a fixed sample, with Ray and an S3 server
	@$(STEP) "slow tests" env TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/python -m pytest -q -m slow -n 2 --dist loadgroup --durations=15

# A sample, on another Python: everything imports, definitions are right, scans have the same seals.
OTHER_PYTHON ?= $(shell scripts/other_python $(BIN)/python)
test-other: .make/test compile  ## a sample of the tests on another Python: OTHER_PYTHON=python3.13
	@scripts/test_other "$(OTHER_PYTHON)" $(BIN)/python $(HOME_OF_TESTS)

TIER ?= 1
JOBS ?= 2
torture: .make/test compile  ## break it on purpose; TIER=2 for all of it, JOBS=1 one by one
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -qq -y strace >/dev/null 2>&1; } || true
	@$(STEP) "torture" sh -c 'cd benchmarks && TECHNIC_HOME=$(HOME_OF_TESTS) TECHNIC_TEST_DATA=$(abspath $(or $(TECHNIC_TEST_DATA),../shared/data)) $(BIN_HERE)/python -m torture --tier $(TIER) --jobs $(JOBS)'

check: .make/check .make/pages  ## style, types, import contracts, spelling, links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell *.md docs benchmarks deploy scripts src tests Makefile
	$(BIN)/python scripts/check_links.py
	PATH=$(BIN_HERE):$$PATH npm --prefix scripts/pages run -s check

docs: .make/heavy    ## build the site of the docs, offline
	$(BIN)/python -m mkdocs build -q --strict

bench: .make/heavy    ## measure, beside honest baselines
	TECHNIC_HOME=$(HOME_OF_TESTS) $(BIN)/python benchmarks/run.py

# The tools of a release, in an environment of their own.
RELEASE := .make/release/bin
$(RELEASE)/python: constraints.txt
	@$(PYTHON) -m venv .make/release
	@$(STEP) "installing what a release needs" scripts/install $@ release
	@touch $@

lock: $(RELEASE)/python  ## renew constraints.txt: the newest versions, with their hashes
	@$(STEP) "locking" scripts/lock $(RELEASE)/uv

sbom: $(RELEASE)/python  ## what technic is made of, as CycloneDX: build/sbom.json
	@mkdir -p build
	@$(RELEASE)/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json

# The oldest versions that pyproject.toml allows: a bound that is not true fails here.
test-lowest: $(RELEASE)/python .make/install compile  ## the quick tests, with the oldest versions allowed
	@scripts/test_versions lowest $(RELEASE)/uv $(PYTHON)

# The newest versions there are: what the lock will hold after its next renewal fails here first.
test-newest: $(RELEASE)/python .make/install compile  ## the quick tests, with the newest versions there are
	@scripts/test_versions newest $(RELEASE)/uv $(PYTHON)

reference: .make/test  ## write the generated pages of docs/
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/refresh_measurements.py

clean:           ## remove what make made
	rm -rf .make dist build $(VENV) scripts/pages/node_modules

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || { echo "no venv: install it, on Debian: apt-get install python3-venv"; exit 1; }

# Everything from constraints.txt, by its hash; technic itself from here, without dependencies.
.make/install: $(BIN)/python $(SOURCES)
	@mkdir -p .make && rm -rf dist
	@$(STEP) "installing what technic needs into $(VENV)" scripts/install $(BIN)/python build
	@$(STEP) "building the wheel, and installing it" scripts/install_wheel $(BIN)/python
	@touch $@

.make/test: .make/install
	@$(STEP) "installing what tests need" scripts/install $(BIN)/python test
	@touch $@

.make/heavy: .make/test
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y chromium >/dev/null; } || echo "no chromium: tests of the pages will be skipped"
	@command -v zsh >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y zsh >/dev/null; } || echo "no zsh: the reading of its completions will be skipped"
	@command -v systemd-analyze >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y systemd >/dev/null; } || echo "no systemd: its reading of the units will be skipped"
	@$(STEP) "installing what slow tests need" scripts/install $(BIN)/python heavy test
	@touch $@

.make/check: .make/install
	@$(STEP) "installing what checks need" scripts/install $(BIN)/python check test
	@touch $@

.make/pages: .make/check scripts/pages/package-lock.json  # prettier and eslint, on the Node of a wheel
	@PATH=$(BIN_HERE):$$PATH npm --prefix scripts/pages ci --silent
	@touch $@

# make demo   sets asimov up in .venv and runs the quickstart to its results
# make test   sets everything up, a real HTCondor pool included, and passes every check
# make test-plugins   runs pipelines that others have published; downloads about 1.5 GB
# make test-more   tries further cases of what make test has one of
# make test-long   that, and searches for faults at full size, such as in 10,000 mutants of blueprints
# make test-core   runs the tests in an installation without asimov/compat
# make docs   builds the documentation in site/; `make docs-serve` shows it and follows your changes
# make coverage   runs the tests with branch coverage; the report is build/coverage/index.html
# make release-check   builds the distributions and tries them; RELEASING.md has the rest
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-more test-long test-core pool-programs browser proxy test-plugins docs docs-serve bench coverage release-check clean

demo: $(VENV)/demo.done
	@$(BIN)/python tools/demo $(BIN)

test:
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/test.done pool-programs browser proxy
	@tools/run-tests $(BIN)

# With the packages, at the same time; where they are not to be had, tools/with-pool tells.
pool-programs:
	@tools/htcondor-pool available 2>/dev/null || tools/htcondor-pool install || true

# Debian's Chromium, if root can install it; the tests of the dashboard tell if there is none.
browser:
	@tools/browser install || true

# Debian's nginx, unpacked; the test of its settings tells if there is none.
proxy:
	@tools/nginx install || true

test-plugins: $(VENV)/test.done
	@tools/with-pool $(BIN) tools/test-plugins $(BIN)

test-more: $(VENV)/docs.done
	@tools/with-pool $(BIN) $(BIN)/python -m pytest -n 4 --dist load -m long

# Ten thousand mutants of blueprints; kill matrices of 120 kills, since each kill takes a second.
test-long: test-more
	@ASIMOV_SEARCH=20 $(BIN)/python -m pytest -n 4 --dist load \
	  tests/test_fuzz_blueprints.py tests/test_long_values.py tests/scheduler/test_histories.py tests/server/dashboard/test_browser.py
	@ASIMOV_SEARCH=10 $(BIN)/python -m pytest -n 8 --dist load -rP tests/server/test_kills.py
	@ASIMOV_SEARCH=40 $(BIN)/python -m pytest -n 2 tests/server/test_schemathesis.py \
	  tests/server/test_malformed.py tests/server/platipy/test_malformed.py tests/server/qhana/test_malformed.py
	@ASIMOV_SEARCH=4 tools/with-pool $(BIN) $(BIN)/python -m pytest -n 4 --dist loadfile \
	  tests/engine/test_kill_matrix.py tests/scheduler/local/test_kills.py tests/compat/importing/test_kill.py tests/htcondor/test_kill_matrix.py \
	  tests/server/qhana/test_hard_times.py tests/htcondor/test_service.py

test-core: $(VENV)/test.done
	@ASIMOV_CORE_TESTS=all $(BIN)/python -m pytest -n 0 tests/test_core_alone.py -k "compat"

docs: $(VENV)/docs.done
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict --site-dir site

docs-serve: $(VENV)/docs.done
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

coverage: $(VENV)/develop.done
	@tools/run-tests $(BIN) --cov --cov-report=term:skip-covered --cov-report=html

release-check: $(VENV)/develop.done
	@tools/release-check $(BIN)

bench: $(VENV)/test.done
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) site demo build *.egg-info

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "asimov needs Python 3.10 or later: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: setup.cfg | $(BIN)/pip
	tools/install-checkout $(BIN) quickstart
	@touch $@

$(VENV)/test.done: setup.cfg | $(BIN)/pip
	tools/install-checkout $(BIN) test
	@touch $@

$(VENV)/docs.done: setup.cfg $(VENV)/test.done | $(BIN)/pip
	tools/install-checkout $(BIN) test,docs
	@touch $@

$(VENV)/develop.done: setup.cfg $(VENV)/test.done | $(BIN)/pip
	tools/install-checkout $(BIN) test,docs,develop
	@touch $@

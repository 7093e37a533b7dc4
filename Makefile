# pantau-asn: everything that is done by hand, one word each. Needs Python 3.11 or later and make; nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint setup lock schema docs bench bench-country bench-extraction wheel clean

demo: .venv/.runtime       ## the whole job on a bundled newsroom, without the network
	$(BIN)/pantau demo

test: .venv/.dev           ## the suite, under five minutes
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-all: .venv/.dev       ## the suite with kills, fuzz and scale at full size
	$(BIN)/python -m pytest -m "slow or not slow" -n 3 --dist worksteal

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: .venv/.dev          ## what a contributor needs

bench: .venv/.bench        ## speed against other ways of doing it, in one run of half an hour, into docs/performance.md
	$(BIN)/python -m benchmarks.throughput --write
	$(BIN)/python -m benchmarks.steps --write

bench-country: .venv/.bench  ## the whole country on one machine, simulated: an hour and a half, 10 GB, into docs/country.md
	$(BIN)/python -m benchmarks.country --write

bench-extraction: .venv/.bench  ## CORPUS=DIR: bodies, authors and dates beside other extractors, into docs/extraction.md
	$(BIN)/python -m benchmarks.extraction $(CORPUS)

schema: .venv/.dev         ## docs/sources.schema.json from the models
	$(BIN)/python -m crawler.config

# Not --quiet: mkdocs would not count its warnings then.
docs: .venv/.docs          ## the documentation as a site that needs no network: site/index.html
	$(BIN)/python -m docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: .venv/.dev
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

# Hashes, and no host names: uv.lock and pylock.toml would record the registry's.
lock: .venv/.dev
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml -c requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dask -c requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet -o requirements-dask.lock

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pantau-asn needs Python 3.11 or later, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv

# The lock first, with hashes; then ourselves, without looking for anything else.
.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@ .venv/.runtime

# What we are measured against: not in the locks, nothing that ships needs it.
.venv/.bench: pyproject.toml | .venv/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

# Its tools: not in the locks either.
.venv/.docs: pyproject.toml | .venv/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv build dist site *.egg-info pantau-demo

# Every target sets up what it needs in .venv; nothing is installed outside this folder.
PYTHON ?= python3
BIN := .venv/bin
DATA ?=

.PHONY: setup train demo test test-processors test-outside check docs bench clean

setup: .venv/dev.stamp

# The demo needs the base install only; development adds the tools of the `dev` extra.
.venv/base.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# PyTorch and what exports and trains networks. torchvision, which timm imports, would bring CUDA.
train: .venv/train.stamp

.venv/train.stamp: .venv/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps torchvision
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	@touch $@

.venv/outside.stamp: .venv/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[outside,scale]'
	@touch $@

demo: .venv/base.stamp
	$(BIN)/beautylens demo demo

# As many processes as there are cores; each test runs in one of them.
test: .venv/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# The numeric tests at the instruction sets of other processors: LEVELS of avx2, avx512, bf16.
test-processors: .venv/dev.stamp
	$(BIN)/python tools/test_processors.py $(if $(LEVELS),--levels $(LEVELS)) --numprocesses auto

# In processes of their own: killed builds, the README, servers, attacks, the page in Chromium, the client
# under Node, object storage, Ray, Milvus, nginx.
test-outside: .venv/outside.stamp
	$(BIN)/python -m pytest tests/outside -m "not alone" --numprocesses auto --dist loadfile
	$(BIN)/python -m pytest tests/outside -m alone

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/lint-imports
	$(BIN)/python tools/retired_words.py

# Into site/, to be put on any web server. A link that leads nowhere stops it.
docs: .venv/docs.stamp
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict

.venv/docs.stamp: .venv/base.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

# DATA names a folder of measuring sets; without it only what needs none is measured.
bench: .venv/train.stamp
	$(BIN)/python benchmarks/matcher.py
	$(BIN)/python benchmarks/encode.py
	$(BIN)/python benchmarks/query.py --quick
	$(BIN)/python benchmarks/concurrency.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/indexing.py $(if $(DATA),--pictures $(DATA)/grocery/queries)
	$(if $(DATA),$(BIN)/python benchmarks/quality.py $(DATA))

clean:
	rm -rf .venv demo site build dist .pytest_cache .mypy_cache .ruff_cache

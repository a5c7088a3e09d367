# Two commands for newcomers: `make run` and `make test`. All work in one environment, .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUNDLE ?= runs/my-bundle
SETS ?= runs/sets

.DELETE_ON_ERROR:
.PHONY: help run test check audit docs bench bench-encoder train

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## /make \1  /p' Makefile

run: $(VENV)/serving.stamp ## assess 12 sample complaints, then serve on this machine until Ctrl+C
	$(BIN)/xiaobao assess data_samples/first_look.jsonl
	$(BIN)/xiaobao serve

test: $(VENV)/dev.stamp ## all tests
	$(BIN)/pytest

check: $(VENV)/dev.stamp ## what CI runs: format, lint, types, imports, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest

docs: $(VENV)/dev.stamp ## the site of documents, into site/: open site/index.html
	$(BIN)/python -m handbook

audit: $(VENV)/dev.stamp ## known vulnerabilities of what constraints.txt pins; needs a network
	$(BIN)/pip install --quiet -c constraints.txt -e '.[audit]'
	$(BIN)/python .ci/audit.py

bench: $(VENV)/dev.stamp ## throughput beside a plain transformers loop; on a quiet machine
	$(BIN)/python -m benchmarks.assess_throughput

bench-encoder: $(VENV)/dev.stamp ## the encoder on public sets (SETS=DIR), beside jieba and TF-IDF; an hour
	$(BIN)/python -m benchmarks.encoder_finetuning $(SETS)

train: $(VENV)/dev.stamp ## a bundle from the sample data, into runs/my-bundle (BUNDLE=DIR elsewhere)
	$(BIN)/xiaobao train --data data_samples/complaints.jsonl data_samples/further.jsonl data_samples/groups.jsonl --adapt 10 --out $(BUNDLE)

# One way to install, editable, for both: whichever comes second adds to the first.
SOURCES := pyproject.toml constraints.txt

$(VENV)/dev.stamp: $(SOURCES) | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(VENV)/serving.stamp $@

$(VENV)/serving.stamp: $(SOURCES) | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[serving,batch]'
	touch $@

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON): not found; wanted Python 3.11 or newer: make PYTHON=/path/to/python3' >&2; exit 2; }
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(0 if sys.version_info >= (3, 11) else "$(PYTHON): Python " + v + " found, 3.11 or newer wanted: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)

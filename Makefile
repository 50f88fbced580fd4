# Two commands: `make serve` runs the broker, `make test` proves it. The rest is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: serve test lint conformance soak bench clean

$(VENV)/.serve: pyproject.toml
	packaging/venv.sh $(PYTHON) $(VENV)
	$(BIN)/pip install -q -e .
	@touch $@

$(VENV)/.dev: pyproject.toml
	packaging/venv.sh $(PYTHON) $(VENV)
	$(BIN)/pip install -q -e '.[test,lint,fuzz]'
	@touch $@ $(VENV)/.serve

serve: $(VENV)/.serve
	@exec $(BIN)/odradek serve --listen 127.0.0.1:9092 --data-dir ./odradek-data

test: $(VENV)/.dev
	$(BIN)/pytest -n 4 -m 'not conformance and not soak'

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests tools benchmarks examples .ci
	$(BIN)/ruff format --check src tests tools benchmarks examples .ci
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

conformance: $(VENV)/.dev
	tests/clients/conformance.sh

soak: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m soak

bench: $(VENV)/.dev
	$(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.run

clean:
	rm -rf $(VENV) build dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# `make demo` and `make test` need nothing but Python and make: each sets up the environment that it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: demo test test-all lint ruff stubs mypy pyright layers fragments hooks docs bench clean

demo: $(VENV)/demo.done
	$(BIN)/exprad demo

test: $(VENV)/test.done
	$(BIN)/python -m pytest -n 2 -m "not long" --cov --cov-report=term --doctest-modules tests exprad docs README.md --doctest-glob='*.md'

test-all: $(VENV)/all.done
	EXPRAD_SEARCH=10 $(BIN)/python -m pytest -n 2 --doctest-modules tests exprad docs README.md --doctest-glob='*.md'

lint: ruff stubs mypy pyright layers fragments
	find exprad -name '*.py' | xargs wc -l | sort -n

# The parts of lint; .pre-commit-config.yaml runs some of them before a commit.
ruff: $(VENV)/lint.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

stubs: $(VENV)/lint.done
	$(BIN)/python -m tools.stubs --check

mypy: $(VENV)/lint.done
	$(BIN)/mypy
	$(BIN)/mypy tests/typing

pyright: $(VENV)/lint.done
	$(BIN)/pyright
	$(BIN)/pyright -p tests/typing

layers: $(VENV)/lint.done
	$(BIN)/lint-imports

fragments: $(VENV)/lint.done
	test -z "$$(find changes -empty)" # a fragment says something
	$(BIN)/towncrier build --draft --version next > $(VENV)/changes.md

docs: $(VENV)/docs.done
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet -d build/doctrees docs site

hooks: $(VENV)/lint.done
	$(BIN)/pre-commit install

bench: $(VENV)/bench.done
	$(BIN)/python -m benchmarks

$(VENV)/%.done: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis

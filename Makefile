# One command each; all but `clean` make the virtual environment first.
#
#   make venv    .venv with the exact versions of constraints.txt
#   make demo    the whole story on the bundled corpus; result in demo/output/index.html
#   make test    format, lint, types, layers, documentation, tests
#   make check   the same
#   make bench   the benchmarks; results in benchmarks/*/results/
#   make clean   remove .venv and everything generated
#
# PYTHON       the Python to build on (3.11 or newer), default python3
# TORCH_INDEX  package index for torch. On Linux the usual index gives a build with CUDA (gigabytes); for the
#              small CPU build set the index that https://pytorch.org/get-started/locally names for it.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: venv demo test check bench clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt scripts/make-venv
	PYTHON="$(PYTHON)" TORCH_INDEX="$(TORCH_INDEX)" scripts/make-venv .venv
	touch $@

demo: $(STAMP)
	$(BIN)/linernotes demo --out demo/output

test: $(STAMP)
	scripts/check

check: test

bench: $(STAMP)
	scripts/bench

clean:
	rm -rf .venv demo/output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

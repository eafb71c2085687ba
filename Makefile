# One command each, on a fresh machine: they make their own environment first.
#   make demo    install the core, render the example photos
#   make test    install everything for development, run the tests
#   make test-fast   those of the tests that take no longer than a minute together
#   make test-cluster   the tests that start a Ray cluster
#   make check   format, lint, types, and make check-js where npm is installed
#   make check-js   types of the application's JavaScript (JSDoc, checked by TypeScript); needs Node.js
#   make manual  write docs/cli.md anew from the commands
#   make docs    the documents as a site, in site/
#   make release all that is published, made and checked, in dist/ (RELEASING.md); nothing is uploaded
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
DOCS_VENV ?= .venv-docs
# A CPU build of PyTorch from elsewhere:  make test PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
BIN := $(VENV)/bin

.PHONY: evaluate-default demo test test-fast test-cluster test-release check check-js manual docs dist sbom hub licences release env clean

demo: $(DEMO_VENV)/.ready
	@mkdir -p demo
	$(DEMO_VENV)/bin/wideopen render examples/scooter.jpg examples/cairn.jpg -o demo --overwrite

$(DEMO_VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/pip install -q --disable-pip-version-check $(PIP_ARGS) -c constraints.txt .
	touch $@

env: $(VENV)/.ready

# torch first, by its exact version: a range could fetch another build with gigabytes of GPU libraries. lpips, which a
# test compares with, without what it asks for: torchvision would fetch the same, and the test needs nothing of it.
# Modules are compiled on all cores, PyTorch's while the rest is fetched; some packages ship templates that are none, and
# of some, large parts are never imported here.
UNUSED := tests?|docutils|mypyc|transformers/models|torch/testing/_internal|ray/(rllib|serve|tune|llm|train|dashboard)
COMPILE := $(BIN)/python -m compileall -q -j 0 -x '/($(UNUSED)|moto/(iam|stepfunctions)|tensorflow/lite|sympy/physics)/'
INSTALL := $(BIN)/python tools/install.py $(PIP_ARGS)
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check $(PIP_ARGS) $$(grep '^uv==' constraints.txt)
	$(INSTALL) $$(grep '^torch==' constraints.txt)
	$(COMPILE) $(VENV)/lib >/dev/null 2>&1 & \
	  $(INSTALL) -c constraints.txt -e '.[train,export,convert,hub,heif,raw,exr,jxl,openvino,web,dev]' && wait
	$(INSTALL) --no-deps $$(grep '^lpips==' constraints.txt)
	$(COMPILE) $(VENV)/lib >/dev/null 2>&1 || true
	touch $@

# Processes are threads enough, of OpenCV's too. What Python compiles is kept, even where the shell says otherwise
# (containers often do): tests start hundreds of processes. Files come in the order of tests/conftest.py, those that take
# longest first. If a process dies, the run ends: pytest-xdist would hang where it replaces one under loadfile.
PYTEST := OMP_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 PYTHONDONTWRITEBYTECODE= \
  $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart=0

test: env
	$(PYTEST)

# What trains, exports, serves or starts programs is left out: files with `pytestmark = pytest.mark.slow`.
test-fast: env
	$(PYTEST) -m "not cluster and not release and not slow"

# Apart from the rest: Ray is large, starts processes by the dozen, and dies where cores are busy.
test-cluster: env
	$(INSTALL) -c constraints.txt -e '.[cluster]'
	$(BIN)/python -m pytest -m cluster tests/batch/test_cluster.py

# Installs the wheel by uvx, pipx, on other Pythons and with other versions of what it needs: some 1.5 GB to fetch.
test-release: env
	$(INSTALL) -c constraints.txt -e '.[release]'
	$(BIN)/python -m pytest -m release tests/release

# Held-out photos and pairs are not in the repository: docs/training.md says how to make them. REAL, VGG and SVG may be left out.
evaluate-default: env
	$(BIN)/python benchmarks/default_model.py --pairs $(PAIRS) --taps $(TAPS) --photos $(PHOTOS) --mattes $(MATTES) --only $(ONLY) \
	  $(if $(REAL),--real $(REAL)) $(if $(VGG),--vgg $(VGG)) $(if $(SVG),--svg $(SVG))

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@if [ "$$CI" = true ] || command -v npx >/dev/null; then $(MAKE) --no-print-directory check-js; \
	else echo "left out: types of JavaScript (make check-js), as npm is not installed"; fi

check-js:
	npx --yes --package typescript@7.0.2 tsc -p tsconfig.json

manual: env
	$(BIN)/typer wideopen.cli utils docs --name wideopen --output docs/cli.md

$(DOCS_VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install -q --disable-pip-version-check $(PIP_ARGS) -c constraints.txt '.[docs]'
	touch $@

# The theme's word about its successor is no warning about these documents.
docs: $(DOCS_VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet

dist: env
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

# Of the core installation, as `make demo` makes it.
sbom: env $(DEMO_VENV)/.ready
	@mkdir -p dist
	$(INSTALL) -c constraints.txt -e '.[release]'
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file dist/wideopen-$$($(DEMO_VENV)/bin/wideopen --version | cut -d' ' -f2).cdx.json $(DEMO_VENV)/bin/python

# The model's repository on the Hugging Face hub, in hub/; RELEASING.md says how it is uploaded.
hub: env
	$(BIN)/python tools/hub.py -o hub $(if $(NAME),--name $(NAME))

licences: env
	$(INSTALL) -c constraints.txt -e '.[cluster]'
	$(BIN)/python tools/licences.py

release: check test test-release dist sbom docs
	@echo "dist/ and site/ are ready; RELEASING.md says how they are uploaded."

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(DOCS_VENV) demo dist site .pytest_cache .mypy_cache .ruff_cache

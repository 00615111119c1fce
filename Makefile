# Every goal sets up what it needs (packaging/environment.py) and is quick the second time.
PYTHON ?= python3
BIN := .venv/bin
TOOLS := build/tools/bin
PYTEST := QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest

.PHONY: all run test check faults perf lock advisories workflows bundle bundle-test installers rehearse-release installers-test engine cuda cuda-test vulkan-test gpu-check gpu-kit screenshots translations editor editor-test editor-pictures env test-env tools patches clean

all: env

run: env
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then exec $(BIN)/stillroom; else \
	  echo "There is no display here, so the main job runs without one."; \
	  exec $(BIN)/python -m tests.end2end.main_job; fi

test: test-env
	$(PYTEST) -n logical --dist loadfile

check: test-env
	$(BIN)/python packaging/lock.py --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -n logical --dist loadfile

faults: test-env
	$(PYTEST) -m faults

perf: test-env
	$(BIN)/python -m tests.perf.build_llama_tools llama-bench llama-imatrix llama-perplexity \
	  llama-server llama-batched-bench
	$(BIN)/python -m tests.perf.measure_all
	$(PYTEST) -m perf -s

# What is installed, version by version: packaging/locks. LOCK_FLAGS=--upgrade takes the newest of everything.
lock: tools
	$(TOOLS)/python packaging/lock.py $(LOCK_FLAGS)

# Known weaknesses of what the locks name; exit status 1 where there are some, 3 where nobody could be asked.
advisories: tools
	$(TOOLS)/python packaging/advisories.py

# GitHub's schemas and zizmor on .github; docs/packaging.md.
workflows: tools
	$(TOOLS)/python packaging/release/check_workflows.py

# Our changes to llama.cpp, to the version that the locks name; CONTRIBUTING.md says how.
patches:
	@$(PYTHON) packaging/environment.py build
	$(BIN)/python packaging/engine/move_patches.py $(PATCH_FLAGS)

bundle: test-env
	$(BIN)/python packaging/bundle.py $(ENGINE_FLAGS)

bundle-test: bundle
	$(PYTEST) -m bundle

# As root: the bundle is made in a Debian 12 folder, build/bookworm. INSTALLER_FLAGS=--bundle-as-is takes dist/stillroom.
installers:
	$(PYTHON) packaging/linux/installers.py $(INSTALLER_FLAGS)

# A whole release, of which nothing leaves this computer. As root; REHEARSAL_FLAGS=--go-on goes on with one that was
# ended, --twice compares two of them, --compilers-too what is compiled as well.
rehearse-release:
	$(PYTHON) packaging/release/rehearse.py $(REHEARSAL_FLAGS)

# In fresh Debian folders, and under wine; docs/packaging.md has what each needs.
installers-test: test-env installers
	$(PYTEST) -m installers

# ENGINE_FLAGS=--cuda adds the CUDA back end, which takes an hour.
engine: test-env
	$(BIN)/python packaging/engine/build_engine.py $(ENGINE_FLAGS)

# The CUDA back end alone, by NVIDIA's packages of the Python index: no toolkit is needed, nor a card.
# CUDA_FLAGS=--release for all generations of cards, --jobs 2; one that was ended goes on.
cuda:
	$(PYTHON) packaging/engine/build_cuda.py $(CUDA_FLAGS)

# What it made: its symbols, and how it behaves with stand-ins for a driver.
cuda-test: test-env cuda
	$(PYTEST) -m cuda_build

# llama.cpp uses a driver that computes on the processor only where the device is named; nopt shortens its start.
vulkan-test: engine
	$(BIN)/python packaging/engine/engine_environment.py
	GGML_VK_VISIBLE_DEVICES=$${GGML_VK_VISIBLE_DEVICES:-0} GALLIVM_PERF=nopt QT_QPA_PLATFORM=offscreen \
	  build/engine-env/bin/python -m pytest -m "vulkan or cuda"
	QT_QPA_PLATFORM=offscreen build/engine-env/bin/python -m pytest -m rpc

# Everything that is done on a graphics card, measured on the one that is here; where none is, something stands
# in. One report in build/gpu-check. GPU_FLAGS="--minutes 9" ends in time, and the next call goes on.
gpu-check: test-env
	$(BIN)/python -m tests.perf.gpu_check $(GPU_FLAGS)

# The same on a computer without a network: this kit, and there gpu_setup.py. KIT_FLAGS=--beside-repository leaves
# out the repository, which is brought as it is, and CUDA's back end, which is compiled there.
gpu-kit: test-env
	$(BIN)/python packaging/engine/gpu_kit.py $(KIT_FLAGS)

# The VS Code extension, into dist/; its tests ask the real server.
editor: test-env
	$(BIN)/python packaging/editor/build_editor.py

editor-test: test-env
	$(PYTEST) -m editor

# The same in VS Code itself, with a picture of each command's result; code-server is compiled once.
editor-pictures: test-env
	$(BIN)/python packaging/editor/take_pictures.py

screenshots: test-env
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.support.screenshots docs/screenshots $(SCENES)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.support.formula_sheet docs/screenshots

translations: test-env
	$(BIN)/python packaging/translations.py

env:
	@$(PYTHON) packaging/environment.py run

test-env:
	@$(PYTHON) packaging/environment.py test

tools:
	@$(PYTHON) packaging/environment.py tools

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

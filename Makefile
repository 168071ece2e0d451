# `make jam` installs jamd and plays; `make test` installs what the tests need and runs them. Both skip what is installed.
# Python 3.11 or 3.12 is found automatically, or given: `make install PYTHON=/path/to/python3.12`.

PYTHON ?= python3.12 python3.11 python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST_ARGS ?= $(if $(filter true,$(CI)),-m "")

# Programs that the tests use: commands that show that a package is installed, and the packages.
TEST_COMMANDS := jackd jack_midi_dump jack_midi_clock midish ardour7-lua aplaymidi qemu-system-x86_64 busybox cpio depmod systemd-nspawn dbus-daemon pgrep ip fluidsynth
TEST_PACKAGES := jackd2 jack-example-tools jack-midi-clock midish ardour alsa-utils qemu-system-x86 busybox-static cpio kmod systemd \
	systemd-container dbus libpam-systemd procps iproute2 python3 fluidsynth timgm6mb-soundfont

.PHONY: install jam test check bench soak

install: $(VENV)/.installed

jam: install
	$(BIN)/jamd run

bench: $(VENV)/.installed-dev
	$(BIN)/jamd bench

test: $(VENV)/.installed-dev
	@PATH="$$PATH:/usr/sbin:/sbin"; for command in $(TEST_COMMANDS); do command -v $$command >/dev/null || lacking="$$lacking $$command"; done; \
	if [ "$$(uname)" = Linux ] && [ -n "$$lacking" ]; then $(call apt,$(TEST_PACKAGES),to run every test); fi
	$(BIN)/pytest $(PYTEST_ARGS)

# Random faults over JACK, with real kills, for hours; `make soak SEEDS=123` repeats one seed, SEEDS=3,8-10 several.
SEEDS ?= 1-1000
soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.soak $(SEEDS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	for platform in linux win32 darwin; do \
		$(BIN)/mypy --strict --platform $$platform --cache-dir .mypy_cache/$$platform daemon || exit 1; done
	$(BIN)/lint-imports

$(VENV)/.installed: pyproject.toml
	@$(find-python); \
	if [ -z "$$python" ] && { ! command -v python3 >/dev/null || $(call supported,python3,sys); }; then \
		$(call apt,python3-venv,to make a virtual environment); $(find-python); fi; \
	[ -n "$$python" ] || { echo "jamd needs Python 3.11 or 3.12, with venv: python-rtmidi has no wheels for 3.13 and above." \
		"None of these is suitable: $(PYTHON). To use another: make install PYTHON=/path/to/python3.12"; exit 1; }; \
	$(call supported,$(BIN)/python,pip) || "$$python" -m venv --clear $(VENV)
	@echo "Installing jamd into $(VENV): about a minute …"
	$(PIP) install --editable .
	@[ "$$(uname)" != Linux ] || $(BIN)/python -c 'import rtmidi' 2>/dev/null || { $(call apt,libasound2,for MIDI ports); }
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --editable '.[dev]'
	@touch $@

# $(call supported,PYTHON,MODULE): succeeds if PYTHON is a version that jamd supports and has MODULE.
supported = "$(1)" -c 'import sys, $(2); sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null

find-python = python=$$(for p in $(PYTHON); do if $(call supported,$$p,ensurepip); then echo "$$p"; break; fi; done)

# $(call apt,PACKAGES,PURPOSE): install the packages that this release has (the change to 64-bit time renamed some), as root
# or where sudo asks for no password; elsewhere print one line about what to install. A failure is not an error here: jamd
# and its tests report what is missing.
define apt
root=; [ "$$(id -u)" = 0 ] || root='sudo -n'; \
if command -v apt-get >/dev/null && $$root true 2>/dev/null && $$root apt-get -qq update; then \
	packages=; for package in $(1); do for name in $${package}t64 $$package; do \
		if apt-cache show $$name >/dev/null 2>&1; then packages="$$packages $$name"; break; fi; done; done; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $$packages >/dev/null </dev/null \
		|| echo "Please install, $(2): $$packages"; \
else echo "Please install, $(2): $(1)"; fi
endef

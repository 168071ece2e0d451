# `make jam` installs jamd and plays; `make test` installs what the tests need and runs them. Both skip what is installed.
# The first suitable Python of this list is taken, or one is named: `make jam PYTHON=/path/to/python3.12`. python-rtmidi has wheels
# for 3.12 and 3.11; next comes the system's own Python, for which Debian and Ubuntu have a package of python-rtmidi.

SYSTEM_PYTHON := /usr/bin/python3
PYTHON := python3.12 python3.11 $(SYSTEM_PYTHON) python3 python3.13 python3.14
# PortAudio, and a synthesiser with its sounds: 6 MB of General MIDI, which libfluidsynth3 needs on Debian anyway.
SOUND_PACKAGES := libportaudio2 libfluidsynth3 timgm6mb-soundfont
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= $(if $(filter true,$(CI)),-m "")

# Programs that the tests use: commands that show that a package is installed, and the packages.
TEST_COMMANDS := jackd jack_midi_dump jack_midi_clock midish ardour7-lua aplaymidi qemu-system-x86_64 busybox cpio depmod systemd-nspawn dbus-daemon pgrep ip fluidsynth
TEST_PACKAGES := jackd2 jack-example-tools jack-midi-clock midish ardour alsa-utils qemu-system-x86 busybox-static cpio kmod systemd \
	systemd-container dbus libpam-systemd procps iproute2 python3 fluidsynth timgm6mb-soundfont

# Tests that wait for no clock and no server: they run on all cores at once, before the others, which run alone.
PARALLEL_TESTS := $(addprefix tests/,config contract encodings engines export_tools leadsheet markov models music performance \
	recording/test_mutations.py render sheet song)

.PHONY: install jam test run-tests check bench soak

install: $(VENV)/.installed

jam: install
	$(BIN)/jamd run

bench: $(VENV)/.installed-dev
	$(BIN)/jamd bench

test: $(VENV)/.installed-dev
	@PATH="$$PATH:/usr/sbin:/sbin"; for command in $(TEST_COMMANDS); do command -v $$command >/dev/null || lacking="$$lacking $$command"; done; \
	if [ "$$(uname)" = Linux ] && [ -n "$$lacking" ]; then \
		eval "$$FUNCTIONS"; apt $(TEST_PACKAGES) || echo "Please install, to run every test: $(TEST_PACKAGES)"; fi
	@$(MAKE) --no-print-directory run-tests

run-tests: $(VENV)/.installed-dev
	$(BIN)/pytest $(PYTEST_ARGS) --numprocesses=auto $(PARALLEL_TESTS)
	$(BIN)/pytest $(PYTEST_ARGS) --durations=20 $(addprefix --ignore=,$(PARALLEL_TESTS))

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
	@eval "$$FUNCTIONS"; install_jamd
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@eval "$$FUNCTIONS"; echo "Installing what the tests need: about a minute …"; pip --editable '.[dev]' || fail_with_log
	@touch $@

# A virtual environment counts while it works: a system upgrade may have replaced its Python, its folder was moved, or another
# Python is named.
IS_NAMED := $(filter-out file,$(origin PYTHON))
SUPPORTED := import sys; (3, 11) <= sys.version_info < (3, 15) or sys.exit(1)
WORKS := $(SUPPORTED); import pip; sys.prefix in open(sys.prefix + "/bin/activate").read() or sys.exit(1)
BASE := import sys; print(sys.base_prefix, sys.version)
$(shell $(BIN)/python -c '$(WORKS)' 2>/dev/null \
	$(if $(IS_NAMED),&& [ "$$($(BIN)/python -c '$(BASE)')" = "$$("$(PYTHON)" -c '$(BASE)' 2>&1)" ]) || \
	rm -f $(VENV)/.installed $(VENV)/.installed-dev)

# Shell functions of the recipes above; `$` is the shell's here.
define functions
fail() { echo "$*" >&2; exit 1; }

# pip ARGUMENTS: install. What pip prints goes to a file.
pip() { "$BIN/python" -m pip --quiet --disable-pip-version-check install "$@" >"$VENV/pip.log" 2>&1 </dev/null; }

fail_with_log() {
	cat "$VENV/pip.log" >&2
	fail "pip failed, for the reason above. Is there a network connection, and space on the disk? Then type the same command again."
}

# apt PACKAGES: install those that this release has, as root or where sudo asks for no password; remove none.
apt() {
	sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
	command -v apt-get >/dev/null && $sudo true 2>/dev/null || return 1
	echo "Installing packages of the system: $* …"
	log=$($sudo apt-get -qq update 2>&1)
	packages=$(for name; do apt-cache show "$name" >/dev/null 2>&1 && echo "$name"; done)
	log="$log$($sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 \
		install --no-install-recommends --no-remove ${packages:-$*} 2>&1 </dev/null)" || { echo "$log" >&2; return 1; }
}

# Set `python`: the one that the virtual environment was made with, or the first one that can make virtual environments.
find_python() {
	if [ -z "$IS_NAMED" ] && python=$("$BIN/python" -c "$WORKS; print(sys._base_executable)" 2>/dev/null); then return; fi
	for python in "$PYTHON" $PYTHON; do
		! "$python" -c "$SUPPORTED; import ensurepip" 2>/dev/null || return 0; done
	python=
}

# Whether `python` will have MIDI without a compiler: by a wheel, which needs libasound2, or by the system's python-rtmidi.
has_midi() {
	"$python" -c 'import ctypes, sys; sys.platform != "linux" or ctypes.CDLL("libasound.so.2")
sys.version_info < (3, 13) or sys.prefix != "/usr" or __import__("rtmidi")' 2>/dev/null
}

# Whether jamd is heard through the audio device, with sampled sounds; elsewhere than on Linux the wheels suffice to be heard.
has_sound() {
	[ "$(uname)" = Linux ] || return 0
	"$python" -c 'import ctypes; [ctypes.CDLL(name) for name in ("libportaudio.so.2", "libfluidsynth.so.3")]' 2>/dev/null
}

# Whether the packages python3-venv and python3-rtmidi may help: without a Python, unless one is named or the system's is too old.
wants_packages() {
	if [ -n "$python" ]; then ! has_midi
	else [ -z "$IS_NAMED" ] && { [ ! -e "$SYSTEM_PYTHON" ] || "$SYSTEM_PYTHON" -c "$SUPPORTED"; }; fi
}

can_build() {
	[ "$(uname)" = Linux ] || return 0
	{ command -v g++ || command -v clang++; } >/dev/null && pkg-config --exists alsa jack 2>/dev/null &&
		[ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}

# Where pip found no wheel of python-rtmidi: use the system's package of it, but no other package of the system; or build.
add_rtmidi() {
	grep -q "No matching distribution found for python-rtmidi" "$VENV/pip.log" || return
	if folder=$("$python" -c 'import os, rtmidi; print(os.path.dirname(os.path.dirname(rtmidi.__file__)))' 2>/dev/null); then
		ln -sf "$folder"/rtmidi "$folder"/python_rtmidi-*info "$VENV"/lib/python3*/site-packages
		return
	fi
	packages="g++ pkgconf libasound2-dev libjack-jackd2-dev $("$python" -c 'import sys; print("python3.%d-dev" % sys.version_info[1])')"
	can_build || apt $packages; can_build ||
		fail "python-rtmidi has no wheel for this Python, and what is needed to build it is missing (on Debian and Ubuntu:" \
			"sudo apt-get install $packages). Please install that, or name another Python: make jam PYTHON=/path/to/python3.12"
	echo "Building python-rtmidi: half a minute …"
}

install_jamd() {
	[ -w "$(dirname "$VENV")" ] || fail "$VENV cannot be made in $PWD, which is read-only or another" \
		"user's. Please clone or copy jamd into a folder of your own."
	find_python
	packages=; ! wants_packages || packages="python3-venv python3-rtmidi"
	has_sound || packages="$packages $SOUND_PACKAGES"
	[ -z "$packages" ] || ! apt $packages || find_python
	[ -n "$python" ] || fail "jamd needs Python 3.11 to 3.14 that can make virtual environments; none of these can: $PYTHON." \
		"On Debian and Ubuntu: sudo apt-get install python3-venv python3-rtmidi. Or name one: make jam PYTHON=/path/to/python3.12"
	[ -z "$IS_NAMED" ] && "$BIN/python" -c "$WORKS" 2>/dev/null || log=$("$python" -m venv --clear "$VENV" 2>&1) || fail "$log"
	echo "Installing jamd into $VENV: about a minute …"
	pip --only-binary python-rtmidi --editable . || { add_rtmidi && pip --editable .; } || fail_with_log
	has_midi || echo "For MIDI ports, please type: sudo apt-get install python3-rtmidi"
	has_sound || echo "For sound without another program, please install PortAudio and FluidSynth; on Debian and Ubuntu:" \
		"sudo apt-get install $SOUND_PACKAGES"
}
endef
FUNCTIONS := $(value functions)
export BIN FUNCTIONS IS_NAMED PYTHON SOUND_PACKAGES SUPPORTED SYSTEM_PYTHON VENV WORKS

"""A device on ALSA's sequencer, to be unplugged by killing it: `python -m tests.peers.alsa_peer NAME`.

Its port is called "MIDI 1". It plays each line of its standard input, a message in hexadecimal digits.
"""

import sys

import rtmidi

if __name__ == "__main__":
    out = rtmidi.MidiOut(rtmidi.API_LINUX_ALSA, sys.argv[1])
    out.open_virtual_port("MIDI 1")
    print("ready", flush=True)
    for line in sys.stdin:
        out.send_message(bytes.fromhex(line))

"""The real parts that the tests run against: a JACK server, a machine with ALSA's sequencer, a running systemd."""

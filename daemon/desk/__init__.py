"""The main process: configuration, child processes, recording, systemd. It touches no MIDI port."""

"""The recording: journal, sessions, MIDI files, replay."""

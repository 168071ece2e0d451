"""Faster than real time: MIDI files accompanied, and drawn as piano rolls."""

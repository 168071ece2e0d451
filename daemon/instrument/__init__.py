"""Instruments: audio engines that play MIDI messages at their frames, each in a process of its own."""

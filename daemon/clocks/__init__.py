"""Clock sources and their table, MIDI clock output, tempo by tapping. Pure, except for Ableton Link."""

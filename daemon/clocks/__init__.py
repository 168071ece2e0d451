"""Clock sources that jamd can follow, the MIDI clock that it sends, and tempo by tapping. Pure but for Ableton Link."""

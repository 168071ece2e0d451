"""The real-time process: connects MIDI ports, clock source, players and desk with the performance."""

"""A small General MIDI synthesiser in numpy, for systems without a soundfont."""

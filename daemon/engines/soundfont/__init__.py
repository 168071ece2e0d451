"""The engine `soundfont`: General MIDI instruments from a soundfont, or computed ones where there is none."""

"""The engine `comping`: a pianist or guitarist who plays the chords of a plan."""

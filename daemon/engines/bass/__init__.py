"""The engine `bass`: a bass player who follows the chords of a plan."""

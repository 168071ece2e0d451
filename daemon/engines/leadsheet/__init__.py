"""The leader of a band: plays a song chorus after chorus, and plans chords, form and feel for all that listen."""

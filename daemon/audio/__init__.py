"""What speaker, instruments and recording share: audio in shared memory, and the clock of its frames."""

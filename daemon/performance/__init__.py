"""What is played, asked and recorded, as a pure function of entries: no ports, no processes, no clock of its own."""

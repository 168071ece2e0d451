"""The real-time process: every MIDI port, the clock, the queue of due messages, the ledger of sounding notes."""

"""MIDI ports: the systems that they are on, input, output, the ledger of sounding notes, connections."""

"""The rules that every audio engine keeps (docs/engines.md), checked by messages as the stage sends them."""

"""Encodings of melodies, one event per 16th."""

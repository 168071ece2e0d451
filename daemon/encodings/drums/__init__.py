"""Encodings of drum parts, hit by hit."""

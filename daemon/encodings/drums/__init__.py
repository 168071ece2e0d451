"""Encodings of drumming, hit by hit."""

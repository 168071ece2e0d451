"""Compiles and measures the styles that songs are composed in, from lead sheets."""

"""One file per engine; base.py holds what they have in common."""

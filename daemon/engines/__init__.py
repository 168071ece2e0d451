"""One package per engine; base.py holds what all engines have in common."""

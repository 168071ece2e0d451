"""`jamd doctor`: what a bug report says about the machine, and the remedy for each thing that prevents playing.

A check is a function of a Subject that returns a Finding; `report.CHECKS` is their table. Every check works on a broken
machine: modules are imported by the check that needs them, what may hang or crash runs in a process of its own
(probe.py), and a check that does not end in time is a finding, too.
"""

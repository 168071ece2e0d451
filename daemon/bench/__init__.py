"""`jamd bench`: measurements of a complete jamd from outside, with their targets."""

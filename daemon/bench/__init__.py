"""`jamd bench`: measurements of a whole jamd from outside, beside their targets."""

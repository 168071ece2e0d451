"""A drummer: the RNN drummer's configuration as the baseline, and ours."""

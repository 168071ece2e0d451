"""How a section is composed: what a song asks for as constraints of the sampler, and samples as music."""

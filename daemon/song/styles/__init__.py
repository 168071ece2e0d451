"""Styles: corpora of lead sheets, as events for the sampler, with the weights of their models and a card."""

"""One folder per model: what prepared its data, trained it and exported it. Not installed with jamd."""

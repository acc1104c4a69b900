"""Great Expectations at work: one checkpoint, its results as tables, its site."""

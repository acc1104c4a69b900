"""The gate: Great Expectations suites over the tables, one checkpoint, and its results as a table and a static site."""

"""Numbers in, numbers out: no Great Expectations, no Spark session."""

"""Landing raw logs in the warehouse: ingest and the log simulator."""

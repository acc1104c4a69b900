"""The typed reader of log lines: bytes of a line in, an event or a refusal out. Nothing here knows Spark."""

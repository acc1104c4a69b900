"""Model versions: where their files are, which one scores, and why."""

"""Write, audit, publish: a run writes on a branch of its own, and readers see it whole or not at all."""

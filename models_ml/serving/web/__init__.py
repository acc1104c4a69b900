"""What holds for every request: the publication that it sees, who may ask, and how a refusal is told."""

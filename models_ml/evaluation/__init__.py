"""What probabilities are worth on rows of known outcome, and how sure that is."""

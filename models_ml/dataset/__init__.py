"""From published tables to the rows that train: joined to known labels, split by time, folded by user, encoded."""

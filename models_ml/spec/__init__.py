"""What may be asked of a training: labels, algorithms and their grids, ways to deal with imbalance. No Spark."""

"""Fitted MLlib binary classifiers as plain arrays: NumPy scores and explains them without Spark."""

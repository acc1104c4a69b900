"""The next outcome of a user as one of several classes."""

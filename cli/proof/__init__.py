"""Proof of point-in-time correctness: the same features without later events."""

"""Trainings that make no model version: they compare, look back or repeat."""

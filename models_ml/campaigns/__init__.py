"""Retention campaigns: whom an offer pays for, and what it changed."""

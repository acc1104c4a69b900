"""Servers, started and stopped: the web app."""

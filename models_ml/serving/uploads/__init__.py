"""Logs that somebody uploads: what their events say of each user, as the warehouse would say it."""

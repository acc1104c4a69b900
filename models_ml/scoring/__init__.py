"""A snapshot scored by one model version, with reasons in words."""

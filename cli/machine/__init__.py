"""Where we are: the environment, its limits, temporary folders, the state folder."""

"""What log files are, whatever their names say, and how each of them becomes lines of JSON text."""

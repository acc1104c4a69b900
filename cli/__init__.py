"""The command line: parses, wires and prints. The only place that builds a SparkSession."""

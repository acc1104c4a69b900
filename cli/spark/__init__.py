"""The JVM and the one SparkSession of a process."""

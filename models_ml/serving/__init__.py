"""The web app: what it answers with, and how; it reads the file that each publication writes, without Spark."""

"""The warehouse: the dbt project and, in landing, the Python that lands raw logs in it."""

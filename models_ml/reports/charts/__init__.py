"""Charts: pure functions from the rows of a query to a drawing, a module a page."""

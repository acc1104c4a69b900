"""What people read: tables, lists and reports on a terminal or in a pipe."""

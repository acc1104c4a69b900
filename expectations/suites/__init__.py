"""The rules, a module a suite: what each table has to be like."""

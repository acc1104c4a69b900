"""`sparkhouse sql-server`: one Spark that stays, for clients of Hive's protocol and for `sparkhouse sql`."""

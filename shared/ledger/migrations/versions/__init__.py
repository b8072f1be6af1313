"""Each revision of the tables, oldest first."""

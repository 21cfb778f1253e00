"""The tests. Most are generated from the table."""

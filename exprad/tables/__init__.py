"""The table of elementwise functions: a row a function."""

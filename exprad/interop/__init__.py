"""Other libraries, each in its own file."""

"""Back ends: programs made into functions."""

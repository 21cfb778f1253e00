"""What is known of an expression beyond its value: whether all modes agree; and help, from the rows."""

"""What is known of an expression beyond its value: whether all modes agree, numeric derivatives."""

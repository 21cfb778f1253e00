"""What everything stands on: rows, shapes, walks, and how names are kept."""

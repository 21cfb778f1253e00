"""What one does with exprad: each module runs, `python -m examples.first_steps`, and each is a test."""

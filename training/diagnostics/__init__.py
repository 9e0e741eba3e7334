"""What is measured while training, and how."""

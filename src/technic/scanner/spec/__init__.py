"""What is asked: scan files, their sections, and the question that comes of them."""

"""Where bars come from, how they are brought in, and where they lie."""

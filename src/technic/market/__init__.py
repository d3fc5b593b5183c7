"""The vocabulary of the market: pure, and everyone may import it."""

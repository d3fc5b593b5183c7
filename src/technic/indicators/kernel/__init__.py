"""The compiled kernel: definitions and graphs of series → one program → values of a market."""

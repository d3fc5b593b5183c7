"""technic scans the whole US stock market."""
__version__ = "0.1.0"

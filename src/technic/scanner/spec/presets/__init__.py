"""Scan files shipped with the package."""

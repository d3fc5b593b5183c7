"""A scan looked into: explanations, differences, coverage, provenance, charts."""

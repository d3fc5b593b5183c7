"""Reports, explanations, evidence and cards as text, pages and tables."""

"""What scans and scores have been worth: evaluations, backtests, learned forecasts."""

"""Statistics of forecasts and returns: rank correlations, intervals, significance."""

"""Forecasts that learn from each value as it comes, and say how sure they are."""

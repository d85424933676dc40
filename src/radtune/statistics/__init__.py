"""Confidence intervals and paired tests from stored per-sample scores."""

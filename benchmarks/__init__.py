"""Benchmarks: each compares two things in the same run, alternating, and quotes medians and ratios."""

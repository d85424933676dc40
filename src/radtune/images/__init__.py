"""Standardise images into Parquet shards."""

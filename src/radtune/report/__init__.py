"""Build the report."""

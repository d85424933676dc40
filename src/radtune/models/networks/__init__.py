"""Networks that no library has, or none that runs."""

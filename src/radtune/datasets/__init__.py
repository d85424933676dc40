"""Image–caption pairs: read, check, and make the embedded sample."""

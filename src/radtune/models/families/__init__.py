"""One module an architecture."""

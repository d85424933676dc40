"""Architectures, their weights and how they are adapted."""

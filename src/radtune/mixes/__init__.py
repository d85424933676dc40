"""Mixes: which rows a training run sees."""

"""Predict with a trained model, or a baseline."""

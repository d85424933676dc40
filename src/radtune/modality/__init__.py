"""Modality labels, classifier and predictions."""

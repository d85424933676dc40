"""radtune: from raw radiology archives to an audited benchmark of fine-tuned vision–language models."""

__version__ = "0.1.0"

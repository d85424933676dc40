"""Layouts of data sets, one module each: each has a ``FORMAT`` (:class:`radtune.datasets.source.Format`)."""

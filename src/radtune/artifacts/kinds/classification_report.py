"""Precision, recall and F1 of each class on each split, and the averages."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CLASSIFICATION_REPORT = Kind(
    name="classification_report",
    version=1,
    schema=pa.schema(
        [
            pa.field("split", pa.string()),
            pa.field("label", pa.string()),  # a class, or accuracy, macro average, weighted average
            pa.field("precision", pa.float64()),  # null for accuracy
            pa.field("recall", pa.float64()),  # null for accuracy
            pa.field("f1", pa.float64()),  # for accuracy: the accuracy
            pa.field("support", pa.int64()),  # images
        ]
    ),
    key=("split", "label"),
)

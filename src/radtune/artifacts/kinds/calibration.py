"""Reliability of the classifier’s probabilities before and after temperature scaling."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CALIBRATION = Kind(
    name="calibration",
    version=1,
    schema=pa.schema(
        [
            pa.field("split", pa.string()),
            pa.field("stage", pa.string()),  # before or after temperature scaling
            pa.field("bin_low", pa.float64()),
            pa.field("bin_high", pa.float64()),
            pa.field("images", pa.int64()),
            pa.field("mean_confidence", pa.float64()),  # null where the bin is empty
            pa.field("accuracy", pa.float64()),  # null where the bin is empty
            pa.field("expected_calibration_error", pa.float64()),  # of the whole split and stage, repeated
            pa.field("temperature", pa.float64()),
        ]
    ),
    key=("split", "stage", "bin_low"),
)

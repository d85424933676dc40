"""The benchmark table by parts of the test set: one row a system, arm, task, metric and slice, with a confidence interval."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

SLICE_SCORES = Kind(
    name="slice_scores",
    version=1,
    schema=pa.schema(
        [
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("task", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("slicing", pa.string()),  # what the test set is divided by, such as modality
            pa.field("slice", pa.string()),  # the part, such as CT
            pa.field("place", pa.int64()),  # of the slice within its slicing, for tables
            pa.field("mean", pa.float64()),
            pa.field("low", pa.float64()),  # of the confidence interval
            pa.field("high", pa.float64()),
            pa.field("confidence", pa.float64()),  # 0.95
            pa.field("items", pa.int64()),
            pa.field("groups", pa.int64()),  # clusters the bootstrap drew
        ]
    ),
    key=("system", "arm", "task", "metric", "slicing", "slice"),
)

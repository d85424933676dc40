"""The benchmark table: one row a system, arm, task and metric, with a confidence interval."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

SYSTEM_SCORES = Kind(
    name="system_scores",
    version=1,
    schema=pa.schema(
        [
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("task", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("mean", pa.float64()),
            pa.field("low", pa.float64()),  # of the confidence interval
            pa.field("high", pa.float64()),
            pa.field("confidence", pa.float64()),  # 0.95
            pa.field("items", pa.int64()),
            pa.field("groups", pa.int64()),  # clusters the bootstrap drew
        ]
    ),
    key=("system", "arm", "task", "metric"),
)

"""Paired tests between systems on one metric."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

COMPARISONS = Kind(
    name="comparisons",
    version=1,
    schema=pa.schema(
        [
            pa.field("task", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("system_a", pa.string()),
            pa.field("arm_a", pa.string()),
            pa.field("system_b", pa.string()),
            pa.field("arm_b", pa.string()),
            pa.field("difference", pa.float64()),  # mean of a minus mean of b
            pa.field("low", pa.float64()),
            pa.field("high", pa.float64()),
            pa.field("p_value", pa.float64()),  # paired sign-flip permutation over groups
            pa.field("p_holm", pa.float64()),  # corrected over the comparisons of this task and metric that ask the same question
            pa.field("items", pa.int64()),
            pa.field("groups", pa.int64()),
        ]
    ),
    key=("task", "metric", "system_a", "arm_a", "system_b", "arm_b"),
)

"""What exactly was computed: definition, checkpoint, versions, counts."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

METRIC_SIGNATURES = Kind(
    name="metric_signatures",
    version=2,
    schema=pa.schema(
        [
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("signature", pa.string()),  # canonical JSON: variant, checkpoint, library versions
            pa.field("total", pa.float64()),  # over all items, where it is not the mean of the items' values; else null
            pa.field("items", pa.int64()),
            pa.field("unavailable_items", pa.int64()),
            pa.field("empty_predictions", pa.int64()),
            pa.field("available", pa.bool_()),
            pa.field("reason", pa.string()),  # why it is unavailable, else empty
        ]
    ),
    key=("system", "arm", "metric"),
)

"""One row a prediction and metric."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

SCORES = Kind(
    name="scores",
    version=1,
    schema=pa.schema(
        [
            pa.field("prediction_id", pa.string()),
            pa.field("row_id", pa.string()),
            pa.field("item_id", pa.string()),
            pa.field("group_id", pa.string()),
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("task", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("value", pa.float64()),  # null where the metric was unavailable for the item
        ]
    ),
    key=("arm", "prediction_id", "metric"),  # a row has the same id in every arm
)

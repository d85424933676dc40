"""What a system wrote for each test row."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

PREDICTIONS = Kind(
    name="predictions",
    version=1,
    schema=pa.schema(
        [
            pa.field("prediction_id", pa.string()),
            pa.field("row_id", pa.string()),
            pa.field("item_id", pa.string()),
            pa.field("group_id", pa.string()),
            pa.field("system", pa.string()),  # the model’s name in the config, or a baseline
            pa.field("arm", pa.string()),  # plain or modality
            pa.field("task", pa.string()),  # caption or question
            pa.field("prompt", pa.string()),  # as the model saw it, without image placeholders
            pa.field("prediction", pa.string()),
            pa.field("reference", pa.string()),
            pa.field("generated_tokens", pa.int64()),
            pa.field("stopped", pa.string()),  # end or length
        ]
    ),
    key=("prediction_id",),
)

"""Which rows a training run sees, in which share, and why."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

MIX = Kind(
    name="mix",
    version=1,
    schema=pa.schema(
        [
            pa.field("row_id", pa.string()),
            pa.field("item_id", pa.string()),
            pa.field("split", pa.string()),
            pa.field("task", pa.string()),  # caption or question
            pa.field("prompt", pa.string()),  # the question; empty for captions (the model’s own instruction is used)
            pa.field("target", pa.string()),  # the caption or answer to learn
            pa.field("origin", pa.string()),  # captions, questions or annealing
            pa.field("why", pa.string()),  # why the row is in the mix
        ]
    ),
    key=("row_id",),
)

"""How many images of each class were predicted as each class."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CONFUSION_MATRIX = Kind(
    name="confusion_matrix",
    version=1,
    schema=pa.schema(
        [
            pa.field("split", pa.string()),
            pa.field("label", pa.string()),
            pa.field("predicted", pa.string()),
            pa.field("images", pa.int64()),
        ]
    ),
    key=("split", "label", "predicted"),
)

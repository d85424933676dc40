"""Text burned into standardised images: how much there is, never what it says."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

BURNED_IN_TEXT = Kind(
    name="burned_in_text",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("lines", pa.int64()),  # that were read with confidence
            pa.field("characters", pa.int64()),  # in them
            pa.field("share", pa.float64()),  # of the picture's area, without padding, that their boxes cover; 0 to 1
            pa.field("flagged", pa.bool_()),
        ]
    ),
    key=("item_id",),
)

"""What a step rejected, one row an item and reason. Nothing is dropped without a row here."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

QUARANTINE = Kind(
    name="quarantine",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("step", pa.string()),
            pa.field("reason", pa.string()),  # short code, the same for the same kind of fault
            pa.field("detail", pa.string()),  # what exactly was wrong, for a person
        ]
    ),
    key=(),
)

"""How every image of the embedded sample was made: package, file, frame or slice, window, and the facts its caption states."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

SAMPLE_SOURCES = Kind(
    name="sample_sources",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("package", pa.string()),  # distribution and version the file came from
            pa.field("source_file", pa.string()),  # path inside the wheel
            pa.field("frame", pa.int64()),  # frame number, slice index, or 0
            pa.field("transform", pa.string()),  # how pixels became 8 bits: rescale, window, flips, as canonical JSON
            pa.field("facts", pa.string()),  # the facts the caption states, as canonical JSON
            pa.field("group_id", pa.string()),
            pa.field("split", pa.string()),
        ]
    ),
    key=("item_id",),
)

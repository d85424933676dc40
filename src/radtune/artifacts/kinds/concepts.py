"""The concept table of a data set: CUI, canonical name and, where known, UMLS semantic types."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CONCEPTS = Kind(
    name="concepts",
    version=1,
    schema=pa.schema(
        [
            pa.field("cui", pa.string()),
            pa.field("name", pa.string()),
            pa.field("type_ids", pa.list_(pa.string())),  # TUIs; empty where the source gives none
        ]
    ),
    key=("cui",),
)

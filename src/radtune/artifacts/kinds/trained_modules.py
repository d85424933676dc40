"""What a training run trained: each module, its tower, and its parameters."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

TRAINED_MODULES = Kind(
    name="trained_modules",
    version=1,
    schema=pa.schema(
        [
            pa.field("module", pa.string()),
            pa.field("tower", pa.string()),  # vision, connector or language
            pa.field("way", pa.string()),  # lora or unfrozen
            pa.field("parameters", pa.int64()),  # trainable
            pa.field("total_parameters", pa.int64()),  # of the module, with what was added
        ]
    ),
    key=("module",),
)

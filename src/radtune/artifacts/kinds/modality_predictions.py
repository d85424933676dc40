"""The classifier’s predictions with calibrated probabilities for every image."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

MODALITY_PREDICTIONS = Kind(
    name="modality_predictions",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("split", pa.string()),
            pa.field("label", pa.string()),  # by CUIs
            pa.field("predicted", pa.string()),
            pa.field(
                "probabilities", pa.list_(pa.struct([pa.field("label", pa.string()), pa.field("probability", pa.float64())]))
            ),  # after temperature scaling, sum 1
        ]
    ),
    key=("item_id",),
)

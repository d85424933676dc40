"""The modality of each image as its CUIs say it, and whether they clashed."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

MODALITY_LABELS = Kind(
    name="modality_labels",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("split", pa.string()),
            pa.field("label", pa.string()),  # CT, MRI, Radiograph, Ultrasound or Other
            pa.field("modality_cuis", pa.list_(pa.string())),  # the CUIs it rests on
            pa.field("clash", pa.bool_()),  # more than one modality was named, so Other
        ]
    ),
    key=("item_id",),
)

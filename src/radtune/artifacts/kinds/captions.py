"""One row an image–caption pair, as a data set published it: where it came from, its split, licence and group."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CAPTIONS = Kind(
    name="captions",
    version=2,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),  # unique within the run
            pa.field("dataset", pa.string()),  # name of the data set
            pa.field("split", pa.string()),  # train, valid or test
            pa.field("caption", pa.string()),  # empty for an image that only has published questions
            pa.field("concepts", pa.list_(pa.string())),  # CUIs of the caption
            pa.field("manual_concepts", pa.list_(pa.string())),  # CUIs a person assigned: modality, body region, projection
            pa.field("image_path", pa.string()),  # the source image file
            pa.field("image_sha256", pa.string()),  # of that file's bytes
            pa.field("group_id", pa.string()),  # article, case or study, by which statistics cluster
            pa.field("licence", pa.string()),
            pa.field("attribution", pa.string()),
            pa.field("link", pa.string()),
            pa.field("restricted", pa.bool_()),  # credentialed: never sent to an LLM elsewhere, never shown in the report
        ]
    ),
    key=("item_id",),
)

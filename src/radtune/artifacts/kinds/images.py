"""Standardised images: encoded bytes in the Hugging Face Image layout, the size before and after, what was done, how it looks."""

import pyarrow as pa

from radtune.artifacts.kind import IMAGE_TYPE, Kind

INNER_MARGIN = 1 / 16
"""Share of width and height that ``inner_hash`` leaves out on each side: about that of crops and frames in publications. Hashes
still match where 2 to 8 % were cut off or added."""

IMAGES = Kind(
    name="images",
    version=2,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("image", IMAGE_TYPE),
            pa.field("width", pa.int64()),  # pixels, after
            pa.field("height", pa.int64()),  # pixels, after
            pa.field("original_width", pa.int64()),  # pixels, after orientation, before fitting
            pa.field("original_height", pa.int64()),
            pa.field("original_mode", pa.string()),  # Pillow mode of the source
            pa.field("transform", pa.string()),  # orientation, scale, offsets and fill, as canonical JSON
            pa.field("sha256", pa.string()),  # of the encoded bytes
            pa.field("perceptual_hash", pa.uint64()),  # of the picture inside the padding; alike in most bits where pictures are
            pa.field("inner_hash", pa.uint64()),  # of the same without its margins: like the hash of a copy that was cropped
        ],
        # Read by the library `datasets`: without it, the column would load as a struct, not as an image.
        metadata={"huggingface": '{"info":{"features":{"image":{"_type":"Image"}}}}'},
    ),
    key=("item_id",),
    row_group_size=16,
)

"""Overlap between splits and between data sets: one row a pair of items of which one may be learned and the other tested."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

LEAKAGE = Kind(
    name="leakage",
    version=1,
    schema=pa.schema(
        [
            pa.field("kind", pa.string()),  # image, group or caption
            pa.field("across", pa.string()),  # splits (of the first data set) or sets
            pa.field("item_id", pa.string()),  # the item that may be learned from
            pa.field("dataset", pa.string()),
            pa.field("split", pa.string()),
            pa.field("other_id", pa.string()),  # the item that it gives away
            pa.field("other_dataset", pa.string()),
            pa.field("other_split", pa.string()),  # valid or test
            pa.field("distance", pa.int64()),  # bits in which the images' hashes differ; null for other kinds
            pa.field("similarity", pa.float64()),  # images: correlation of their pixels; captions: Jaccard index; groups: 1
            pa.field("group", pa.string()),  # the article, case or study that both belong to; empty for other kinds
        ]
    ),
    key=("kind", "item_id", "other_id"),
)

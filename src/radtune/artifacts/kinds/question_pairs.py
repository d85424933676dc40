"""Question–answer pairs with the verdict of every filter."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

QUESTION_PAIRS = Kind(
    name="question_pairs",
    version=1,
    schema=pa.schema(
        [
            pa.field("question_id", pa.string()),
            pa.field("item_id", pa.string()),
            pa.field("split", pa.string()),
            pa.field("question", pa.string()),
            pa.field("answer", pa.string()),
            pa.field("origin", pa.string()),  # llm or known (by construction)
            pa.field("accepted", pa.bool_()),
            pa.field("reasons", pa.list_(pa.string())),  # why it was rejected; empty if accepted
        ]
    ),
    key=("question_id",),
)

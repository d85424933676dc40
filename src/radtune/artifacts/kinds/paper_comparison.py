"""What papers print for the systems of a run, beside what the run measured."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

PAPER_COMPARISON = Kind(
    name="paper_comparison",
    version=2,
    schema=pa.schema(
        [
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("task", pa.string()),
            pa.field("metric", pa.string()),
            pa.field("measured", pa.float64()),  # null where the run did not measure it
            pa.field("aggregate", pa.string()),  # what measured is: mean (of the items) or corpus (all items at once)
            pa.field("printed", pa.float64()),
            pa.field("difference", pa.float64()),  # measured minus printed
            pa.field("source", pa.string()),  # paper and table
            pa.field("note", pa.string()),  # what makes the printed number doubtful or hard to compare; else empty
        ]
    ),
    key=("system", "arm", "task", "metric", "source"),
)

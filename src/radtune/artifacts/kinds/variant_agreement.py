"""How far two variants of a metric agree, on items and in the order of the systems."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

VARIANT_AGREEMENT = Kind(
    name="variant_agreement",
    version=1,
    schema=pa.schema(
        [
            pa.field("task", pa.string()),
            pa.field("metric_a", pa.string()),
            pa.field("metric_b", pa.string()),
            pa.field("difference", pa.float64()),  # mean of a minus mean of b
            pa.field("low", pa.float64()),  # of its confidence interval
            pa.field("high", pa.float64()),
            pa.field("limit_low", pa.float64()),  # limits of agreement: 95 % of the items' differences, were they normal
            pa.field("limit_high", pa.float64()),
            pa.field("spearman", pa.float64()),  # over the items of all systems; null where one variant is constant
            pa.field("kendall", pa.float64()),  # over the means of the systems, each arm by itself; null likewise
            pa.field("items", pa.int64()),
            pa.field("systems", pa.int64()),  # systems and arms
        ]
    ),
    key=("task", "metric_a", "metric_b"),
)

"""How much of what the references name the captions of each system name: one row a system, arm and component."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

CAPTION_COMPONENTS = Kind(
    name="caption_components",
    version=1,
    schema=pa.schema(
        [
            pa.field("system", pa.string()),
            pa.field("arm", pa.string()),
            pa.field("component", pa.string()),  # modality, finding, location, laterality, marker or measurement
            pa.field("recall", pa.float64()),  # share of the references' components that the captions name; null without any
            pa.field("low", pa.float64()),  # of the recall's confidence interval
            pa.field("high", pa.float64()),
            pa.field("confidence", pa.float64()),  # 0.95
            pa.field("in_references", pa.int64()),  # components of the references, each once a reference
            pa.field("precision", pa.float64()),  # share of the captions' components that their references name; null without any
            pa.field("in_captions", pa.int64()),  # components of the captions, each once a caption
            pa.field("items", pa.int64()),  # references
            pa.field("groups", pa.int64()),  # clusters, of those references that name such a component, which the bootstrap drew
        ]
    ),
    key=("system", "arm", "component"),
)

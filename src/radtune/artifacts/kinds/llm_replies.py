"""Every raw reply of the question writer, whatever became of it."""

import pyarrow as pa

from radtune.artifacts.kind import Kind

LLM_REPLIES = Kind(
    name="llm_replies",
    version=1,
    schema=pa.schema(
        [
            pa.field("item_id", pa.string()),
            pa.field("request_sha256", pa.string()),  # of model, prompt and sampling settings
            pa.field("prompt_version", pa.string()),  # radtune.questions.prompts.PROMPT_VERSION
            pa.field("prompt", pa.string()),  # the whole chat, as canonical JSON
            pa.field("reply", pa.string()),
            pa.field("backend", pa.string()),  # ollama, openai or local
            pa.field("endpoint", pa.string()),  # base URL, weight source, or command of the job's own server
            pa.field("model", pa.string()),
            pa.field("model_digest", pa.string()),  # as the server or the weight file gives it
            pa.field("finish_reason", pa.string()),  # stop, length or error
            pa.field("seconds", pa.float64()),
        ]
    ),
    key=("item_id", "request_sha256"),
    volatile=frozenset({"seconds"}),
)

"""Questions: written by an LLM, filtered, and known by construction."""

"""The Parquet contract: declared kinds, atomic writes, provenance in the footer, and the audit that walks it."""

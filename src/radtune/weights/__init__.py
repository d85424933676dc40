"""Where pretrained weights come from: a source written in the config, proved by checksum and cached."""

"""The typed source of the configuration: one module a room, and ``radtune.config.run`` for the whole."""

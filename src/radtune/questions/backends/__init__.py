"""Where the question writer's language model runs: behind a server, or in this process."""

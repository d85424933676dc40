"""Tables and tests over the scores of all systems."""

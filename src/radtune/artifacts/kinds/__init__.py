"""Every kind of artifact, one module each: the declared schemas of radtune."""

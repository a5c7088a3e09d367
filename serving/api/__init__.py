"""The HTTP service: routes, batches across connections, errors as problem details."""

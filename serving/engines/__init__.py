"""Engines: the same batches of records scored on this machine's cores, by Spark or by Ray."""

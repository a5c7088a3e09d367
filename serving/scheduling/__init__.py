"""Many callers, one network: what is read next, who waits, who is told to come back. No HTTP."""

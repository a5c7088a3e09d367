"""From a bundle to answers: the HTTP service, files scored in batches, and their commands."""

"""API keys: who may ask for what, until when. Made and revoked by ``xiaobao keys``."""

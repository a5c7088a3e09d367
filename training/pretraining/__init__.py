"""The encoder: loaded from any checkpoint, pretrained further on unlabelled text."""

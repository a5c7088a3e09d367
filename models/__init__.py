"""What the product knows: taxonomy, text, network, decoding, policy. No HTTP, torch on demand."""

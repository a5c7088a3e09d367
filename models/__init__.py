"""What the product knows: taxonomy, text, network, decoding, policy. No HTTP, torch on demand."""

import os

# ONNX Runtime notes how it is used, under an id that it keeps for the machine, and sends that home
# unless it is told not to before it is loaded. Whatever loads it here comes by this line.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

"""The networks: pure torch, timm, transformers. They know nothing of the platform."""

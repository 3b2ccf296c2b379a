"""The networks: pure torch, timm, transformers. Know nothing of the platform; learning/ and edge/perception use them."""

"""The networks: pure torch, timm and transformers. Knows nothing of the platform; only learning/ and edge/perception import it.

Empty until the first network is distilled; it is packaged already so that the wheel's layout does not change later.
"""

"""The networks: pure torch, timm, transformers. Know nothing of the platform; learning/ and edge/perception use them.

Empty until the first network is distilled; it is packaged already so that the wheel's layout does not change later.
"""

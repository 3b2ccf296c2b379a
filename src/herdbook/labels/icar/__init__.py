"""ICAR Animal Data Exchange 1.3: every message is kept word by word, and facts are made of those that state one."""

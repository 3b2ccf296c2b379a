"""One backup of everything that a night cannot make again, and the way back onto an empty machine."""

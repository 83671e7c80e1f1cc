"""The truth test: after each kind of change, every stored page is compared with a fresh render."""

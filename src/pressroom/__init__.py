"""Pressroom: managed hosting for WordPress, with pages that are rendered ahead and never stale."""

__version__ = "0.1.0"

"""What pages read, and which pages a changed row touches."""

"""What changed: the binlog followed, its rows and its positions, and what is asked of the server that writes it."""

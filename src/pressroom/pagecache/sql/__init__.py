"""What a recorded SQL statement read: its tables, columns, and which rows could be in its result."""

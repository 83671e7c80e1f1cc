"""The page cache: what each page read, which of them a change touches, and the pages themselves on disk."""

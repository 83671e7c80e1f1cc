"""What comes of an audit's check of a page. By itself, so that a command which names it need not load the index."""

RIGHT, VIOLATION, RANDOM, OVERTAKEN, FAILED = OUTCOMES = ("right", "violation", "random", "overtaken", "failed")

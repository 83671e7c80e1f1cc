"""Makes pages, those wanted most first, and looks after them: demand, waiting visitors, pictures, latency, audit."""

"""Pictures of the demo newspaper, drawn by Pillow: flat, layered illustrations, each from its own seed."""

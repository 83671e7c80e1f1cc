"""A long day's ordinary work at a WordPress, through a browser, with the firewall on: nothing of it is an attack."""

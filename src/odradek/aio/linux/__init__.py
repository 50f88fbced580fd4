"""What only Linux has: its native asynchronous I/O, which completes through an eventfd."""

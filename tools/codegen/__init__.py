"""The parts of the message generator: layouts, and what is emitted for each."""

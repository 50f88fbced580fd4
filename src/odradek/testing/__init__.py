"""Odradek in tests: the pytest plugin and what it stands on.

The plugin is installed with the package, so pytest loads it in every project of the environment, also in those that have
nothing to do with Kafka. Hence the rule of the room: importing it imports nothing but pytest; a broker is imported when a test
first asks for a fixture.
"""

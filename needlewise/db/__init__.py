"""Tables, migrations, encryption at rest, and the engine that every feature shares."""

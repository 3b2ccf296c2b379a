"""The herd lake: attach, migrate, load a day, check, publish, export. DuckLake underneath."""

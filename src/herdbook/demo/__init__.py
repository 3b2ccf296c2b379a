"""The demonstration: a simulated farm, real agents, real DAGs, and an answer in the end."""

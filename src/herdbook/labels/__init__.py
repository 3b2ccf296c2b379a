"""Farm records in: lameness, disease, weight, reproduction, death; each a fact with the interval in which it arose."""

"""Re-identification, validated: nights with a known truth, matched as in the lake, and what is right about them."""

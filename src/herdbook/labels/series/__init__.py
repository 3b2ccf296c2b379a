"""Series of other systems' sensors (collars, ear tags), beside the camera's and never mixed with them."""

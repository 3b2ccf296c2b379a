"""Farms, pens, cameras, devices and animals as the farm lists them; everyone may read it, it reads nobody."""

"""The farm's own certificate authority: it vouches for devices' agents, to the platform alone."""

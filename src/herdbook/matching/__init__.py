"""Who a tracklet is, from looks and exclusion: arithmetic alone, the same on the platform and on a device."""

"""What Herdbook's DAGs share: one operator, the assets, the defaults, and how a failure becomes an alert."""

"""From a device's disk to ours: pull a device day, verify it, set aside what fails, land the rest."""

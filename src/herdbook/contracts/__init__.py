"""What crosses a boundary: device day, records, ethogram, calibration. The ground floor: imports nothing above it."""

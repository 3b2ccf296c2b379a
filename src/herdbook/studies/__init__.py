"""From timelines to findings: cohorts, exposures, designs, estimates, reports."""

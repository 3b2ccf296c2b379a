"""From timelines to findings: definitions, cohorts, exposures, designs, estimates.

``read_study`` or `Study`, then `plan`, `run`, `rerun`; `check` tries a definition's assurance rows. Estimators alone
are in `herdbook.studies.estimate`.
"""

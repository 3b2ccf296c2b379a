"""Tracklets to animals: enrolment, and claims with a confidence and a history."""

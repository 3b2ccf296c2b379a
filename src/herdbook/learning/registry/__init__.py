"""Runs and models in MLflow: what a run was made from, which version is champion, and what it takes to become one."""

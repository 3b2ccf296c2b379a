"""Datasets: frames chosen from footage, labels from named sources, a split that nothing crosses, frozen in a folder."""

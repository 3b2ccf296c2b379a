"""What a study looks like: figures as SVG, and one page that needs no network.

Figures are drawn by hand-written templates of few lines each: the same input gives the same bytes wherever it runs.
"""

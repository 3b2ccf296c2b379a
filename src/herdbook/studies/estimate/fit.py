"""What a fitted model says: ratios with errors, intervals and p-values, and how many rows they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from scipy import linalg, stats

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import Floats, Ints, summed
from herdbook.studies.estimate.newton import Likelihood, Maximum, Point

Errors = Literal["model", "robust"]


@dataclass(frozen=True)
class Estimate:
    """One coefficient. Its exponential is an odds, rate or hazard ratio per unit of the covariate."""

    name: str
    coefficient: float
    error: float
    statistic: float
    """Coefficient over error."""
    p: float
    """Two-sided, 0..1."""
    low: float
    """Ends of the interval of the coefficient."""
    high: float

    @property
    def ratio(self) -> tuple[float, float, float]:
        """The ratio and both ends of its interval."""
        return tuple(float(np.exp(v)) for v in (self.coefficient, self.low, self.high))  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Fit:
    """A model at its maximum likelihood."""

    names: tuple[str, ...]
    coefficients: Floats
    """(covariates,) log ratios per unit."""
    model: Floats
    """(covariates, covariates) covariance if the rows' likelihood is right: the inverse information."""
    robust: Floats | None
    """(covariates, covariates) the sandwich's, if clusters or weights were given."""
    clusters: int | None
    """How many there are in rows that count."""
    value: float
    """Log likelihood; under weights a pseudo-likelihood, of which ratios have no known law."""
    null: float
    """Log likelihood with every coefficient 0."""
    score_statistic: float
    """Rao's, of all coefficients 0; chi-squared with one degree of freedom each."""
    rows: int
    """Rows that count: in sets with cases and controls, or at risk when something happened."""
    events: int
    """Cases or events in them."""
    groups: int
    """Matched sets, or strata, that count."""
    left_out: int
    """Rows given that cannot count."""
    weighted: bool
    """Whether rows weigh differently."""
    iterations: int
    likelihood: Likelihood = field(repr=False)
    """In units of `scale`."""
    scale: Floats = field(repr=False)
    """(covariates,)."""

    def covariance(self, errors: Errors | None = None) -> Floats:
        """The sandwich's covariance where there is one, otherwise the model's; or the one asked for.

        Raises:
            EstimationError: the sandwich's is asked for and neither clusters nor weights were given.
        """
        if errors == "model" or (errors is None and self.robust is None):
            return self.model
        if self.robust is None:
            raise EstimationError("Robust errors need clusters.", "Say which rows belong to one farm or pen.")
        return self.robust

    def estimates(
        self, level: float = 0.95, errors: Errors | None = None, *, few_clusters: bool = False
    ) -> tuple[Estimate, ...]:
        """Wald estimates, one per covariate.

        Args:
            level: of the intervals, between 0 and 1.
            errors: "model" or "robust"; robust where there are clusters otherwise.
            few_clusters: the sandwich's covariance times G / (G - 1), and Student's t with G - 1 degrees of freedom
                instead of the normal law, G being the number of clusters: with fewer than about 40 the plain sandwich
                claims too much (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317, section VI).

        Raises:
            EstimationError: robust errors are asked for without clusters.
        """
        covariance = self.covariance(errors)
        degrees = np.inf
        if few_clusters and covariance is self.robust and self.clusters is not None:
            covariance = covariance * self.clusters / (self.clusters - 1)
            degrees = self.clusters - 1
        reach = float(stats.t.ppf((1 + level) / 2, degrees))
        spread = np.sqrt(np.diag(covariance))
        ratio = self.coefficients / spread
        p = 2 * stats.t.sf(np.abs(ratio), degrees)
        return tuple(
            Estimate(name, float(b), float(e), float(z), float(q), float(b - reach * e), float(b + reach * e))
            for name, b, e, z, q in zip(self.names, self.coefficients, spread, ratio, p, strict=True)
        )

    def table(self, level: float = 0.95, errors: Errors | None = None, *, few_clusters: bool = False) -> pa.Table:
        """`estimates` as a table: name, coefficient, error, statistic, p, low, high, ratio, ratio_low, ratio_high."""
        rows = [
            vars(e) | dict(zip(("ratio", "ratio_low", "ratio_high"), e.ratio, strict=True))
            for e in self.estimates(level, errors, few_clusters=few_clusters)
        ]
        return pa.Table.from_pylist(rows)

    def index(self, name: str) -> int:
        """Where a covariate stands.

        Raises:
            EstimationError: there is none of that name.
        """
        if name not in self.names:
            raise EstimationError(f"No covariate {name!r}; there are {', '.join(self.names)}.", "Choose one of them.")
        return self.names.index(name)


def finish(
    likelihood: Likelihood,
    maximum: Maximum,
    null: Point,
    scale: Floats,
    clusters: tuple[Ints, int] | None,
    *,
    rows: int,
    events: int,
    groups: int,
    left_out: int,
    weighted: bool,
) -> Fit:
    """A fit in the covariates' own units.

    Args:
        likelihood: in units of ``scale``.
        maximum: of it.
        null: it with every coefficient 0.
        scale: (covariates,).
        clusters: (rows,) code of each row, and how many.
        rows, events, groups, left_out, weighted: see `Fit`.

    Raises:
        EstimationError: all rows are in one cluster.
    """
    units = np.outer(scale, scale)
    model: Floats = linalg.inv(maximum.point.information)
    robust = None
    if clusters is not None:
        robust = sandwich(model, likelihood.residuals(maximum.beta), *clusters) / units
    return Fit(
        names=likelihood.names,
        coefficients=maximum.beta / scale,
        model=model / units,
        robust=robust,
        clusters=None if clusters is None else clusters[1],
        value=maximum.point.value,
        null=null.value,
        score_statistic=float(null.score @ np.linalg.solve(null.information, null.score)),
        rows=rows,
        events=events,
        groups=groups,
        left_out=left_out,
        weighted=weighted,
        iterations=maximum.iterations,
        likelihood=likelihood,
        scale=scale,
    )


def sandwich(bread: Floats, residuals: Floats, clusters: Ints, count: int) -> Floats:
    """Covariance of the coefficients if only clusters are independent (Lin & Wei 1989,
    doi:10.1080/01621459.1989.10478874; Lee, Wei & Amato 1992 for clusters).

    Args:
        bread: (covariates, covariates) inverse information.
        residuals: (rows, covariates) shares of the score.
        clusters: (rows,) from 0.
        count: how many.

    Raises:
        EstimationError: there is one cluster only.
    """
    if count < 2:
        raise EstimationError(
            "All rows that count are in one cluster: its errors cannot be estimated.",
            "Cluster by something smaller, such as the pen, or give no clusters.",
        )
    influence = summed(residuals, clusters, count) @ bread
    covariance: Floats = influence.T @ influence
    return covariance

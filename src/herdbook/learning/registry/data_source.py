"""Data under DVC as MLflow knows the inputs of a run."""

from __future__ import annotations

from typing import Any, Self

from mlflow.data.dataset_source import DatasetSource
from mlflow.data.meta_dataset import MetaDataset

from herdbook.contracts.camera import Contract
from herdbook.learning.workspace import Workspace


class DataUse(Contract):
    """Data as a run used it."""

    name: str
    path: str
    """In the workspace."""
    dvc_md5: str
    """DVC's hash of the content: its revision."""
    git_revision: str | None = None
    """Commit whose ``dvc.lock`` or ``.dvc`` file names that hash."""
    repository: str | None = None


class DvcSource(DatasetSource):
    """A path under DVC at a revision; ``dvc get REPOSITORY PATH --rev REVISION`` fetches it."""

    def __init__(self, use: DataUse) -> None:
        self.use = use

    @staticmethod
    def _get_source_type() -> str:
        return "dvc"

    def load(self) -> Any:
        """The command that fetches the data."""
        revision = f" --rev {self.use.git_revision}" if self.use.git_revision else ""
        return f"dvc get {self.use.repository or '.'} {self.use.path}{revision}"

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, DataUse)

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        return cls(raw_source)

    def to_dict(self) -> dict[str, Any]:
        """As it is stored."""
        return self.use.model_dump()

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> Self:
        """From what is stored."""
        return cls(DataUse.model_validate(source_dict))


def as_dataset(use: DataUse) -> MetaDataset:
    """What `MlflowClient.log_inputs` takes. MLflow keeps 36 characters of a digest; an MD5 has 32."""
    digest = use.dvc_md5.removesuffix(".dir")
    return MetaDataset(DvcSource(use), name=use.name, digest=digest)  # type: ignore[abstract]


def data_use(workspace: Workspace, path: str, *, name: str | None = None) -> DataUse:
    """Data of a run's workspace, as its last commit has it.

    Raises:
        NotFoundError: the commit knows no such data.
    """
    return DataUse(
        name=name or path,
        path=path,
        dvc_md5=workspace.data_hash(path),
        git_revision=workspace.revision(),
        repository=str(workspace.folder),
    )

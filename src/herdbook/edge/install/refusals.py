"""What python-tuf refuses, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)

from herdbook.contracts.durable import disk_full_is_said
from herdbook.errors import (
    MetadataExpiredError,
    MetadataReplayedError,
    RepositoryUnreachableError,
    UntrustedMetadataError,
)


@contextmanager
def refusals_are_said(source: str, folder: Path) -> Iterator[None]:
    """Turn a refusal of metadata into one of our errors.

    Args:
        source: the repository's address.
        folder: where metadata is kept here.
    """
    try:
        with disk_full_is_said(folder):
            yield
    except ExpiredMetadataError as error:
        raise MetadataExpiredError(f"{source}: {error}") from error
    except BadVersionNumberError as error:
        raise MetadataReplayedError(f"{source} offers metadata older than was seen here before: {error}") from error
    except LengthOrHashMismatchError as error:
        raise UntrustedMetadataError(f"{source} mixes metadata of different states: {error}") from error
    except UnsignedMetadataError as error:
        raise UntrustedMetadataError(f"{source} offers metadata that the trusted keys did not sign: {error}") from error
    except RepositoryError as error:
        raise UntrustedMetadataError(f"{source} offers something that is not our metadata: {error}") from error
    except DownloadLengthMismatchError as error:
        raise UntrustedMetadataError(f"{source} offers metadata without end: {error}") from error
    except DownloadError as error:
        raise RepositoryUnreachableError(f"{source}: {error}") from error

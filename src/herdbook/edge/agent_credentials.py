"""The agent's routes for its own credentials: a next token, a next certificate."""

# Annotations are not postponed here, as in `herdbook.edge.agent`.
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from herdbook.contracts.token import TOKEN_PATTERN
from herdbook.edge.agent_models import Problem
from herdbook.edge.certificate import request_certificate, take_certificate
from herdbook.edge.config import DeviceConfig
from herdbook.edge.gate import presented
from herdbook.edge.keyring import Keyring
from herdbook.errors import ConfigurationError, DiskFullError

LONGEST_OVERLAP_S = 7 * 86400
_WRITES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    507: {"model": Problem, "description": "The device cannot write it down."},
}
_TOKEN: dict[int | str, dict[str, Any]] = _WRITES | {
    409: {"model": Problem, "description": "The token that this request came with was itself replaced."}
}
_CERTIFICATE: dict[int | str, dict[str, Any]] = _WRITES | {
    409: {"model": Problem, "description": "It is not for the newest request of this device."}
}


class NextToken(BaseModel):
    """The token that is to replace the one in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Annotated[str, StringConstraints(strict=True, pattern=TOKEN_PATTERN)]
    overlap_s: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP_S, allow_inf_nan=False)]
    """Seconds that the former one lives on, once this one was presented."""


class CertificateRequest(BaseModel):
    """What the farm's authority is to sign."""

    model_config = ConfigDict(frozen=True)

    request: str
    """PKCS #10, PEM."""


class NextCertificate(BaseModel):
    """What it signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Annotated[str, Field(max_length=4096)]
    """X.509, PEM."""


def credential_routes(root: FilePath, config: DeviceConfig, keys: Keyring) -> APIRouter:
    """The routes, to be included under ``/v1``."""
    api = APIRouter()

    @api.put("/token", status_code=204, responses=_TOKEN)
    def token(request: Request, following: NextToken) -> None:
        """Replace the token: both open the agent until the next one was presented and the overlap is over."""
        try:
            taken = keys.replace(presented(request.headers), following.token, following.overlap_s)
        except (DiskFullError, OSError) as error:
            raise HTTPException(507, "the token cannot be written") from error
        if not taken:
            raise HTTPException(409, "this token was replaced; come with the newer one")

    @api.post("/certificate/request", responses=_WRITES)
    def certificate_request() -> CertificateRequest:
        """A request for the device's next certificate; its key stays here."""
        try:
            return CertificateRequest(request=request_certificate(root, config.device_id).decode("ascii"))
        except (ConfigurationError, DiskFullError, OSError) as error:
            raise HTTPException(507, "the device cannot make a key; its own log says why") from error

    @api.put("/certificate", status_code=204, responses=_CERTIFICATE)
    def certificate(following: NextCertificate) -> None:
        """Put the certificate for the newest request into force, for the next connection on."""
        try:
            take_certificate(root, following.certificate.encode())
        except (DiskFullError, OSError) as error:
            raise HTTPException(507, "the certificate cannot be written") from error
        except ConfigurationError as error:
            raise HTTPException(409, error.message) from error

    return api

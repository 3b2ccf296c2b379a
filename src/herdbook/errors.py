"""One tree of exceptions: each says what went wrong, what to do about it, and ends the process with a code of its own.

The codes are part of the command line's contract (``docs/exit-codes.md`` is generated from this module). 0 is success,
1 a fault of Herdbook's own, 2 wrong usage of the command line, 130 an interruption by the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class HerdbookError(Exception):
    """Base of every error a user can meet.

    Args:
        message: what happened, naming the file, row, device or day.
        remedy: what to do now; the class's own ``remedy`` when omitted.
    """

    exit_code: ClassVar[int] = 1
    remedy: str = "This is a fault in Herdbook: report it with the message above."

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if remedy is not None:
            self.remedy = remedy


# -- what a user gave ------------------------------------------------------------------------------------------------


class InputError(HerdbookError):
    """Something the user gave cannot be used."""

    exit_code = 10
    remedy = "Correct the input and run the command again; nothing was changed."


class ConfigurationError(InputError):
    """A setting, device file or mapping file is wrong."""

    exit_code = 11
    remedy = "Correct the setting or file named above and run the command again."


class NotFoundError(InputError):
    """A named device, day, animal, pen or file does not exist."""

    exit_code = 12
    remedy = "Check the spelling; `herdbook doctor` and `herdbook sql` show what exists."


class FileFormatError(InputError):
    """A file cannot be read as what it is said to be."""

    exit_code = 13
    remedy = "Export the file again, or name the right format."


class VideoSourceError(InputError):
    """A camera, stream or video file cannot be opened."""

    exit_code = 14
    remedy = "Check the camera's address and cable, or the file's path."


class QueryError(InputError):
    """A query is not valid SQL, or asks for something that is not there."""

    exit_code = 15
    remedy = 'Tables and columns are listed by `herdbook sql "SHOW TABLES"` and in docs/data-dictionary.md.'


class RowsQuarantinedError(InputError):
    """An import succeeded, but some of its rows were set aside."""

    exit_code = 16
    remedy = "See the quarantine named above; correct those rows in the source and import it again."


class EmptyDatasetError(InputError):
    """Nothing is left to learn from."""

    exit_code = 17
    remedy = "See what was left out and why; add footage or annotations, or ask for less. Nothing was written."


class BoxOutsideFrameError(InputError):
    """A box reaches outside its frame."""

    exit_code = 18
    remedy = "Correct it, or have boxes cut at the frame's edge with --cut; nothing was imported."


class UnknownClassError(InputError):
    """An annotation uses a class or behaviour that the ethogram does not know."""

    exit_code = 19
    remedy = "Correct the annotation, or choose the ethogram that knows it; nothing was imported."


class SplitImpossibleError(InputError):
    """No split keeps every animal, clip and day on one side."""

    exit_code = 62  # the tens are taken
    remedy = "Add farms, pens or days, ask for fewer splits, or leave out what crosses with --crossing drop."


class TrainingError(InputError):
    """Training cannot go on: its loss is no number, or a network and its data do not fit."""

    exit_code = 63
    remedy = "Lower the learning rate (params.yaml), or look at the frames named; the last checkpoint is kept."


# -- a device on the other end of a wire -----------------------------------------------------------------------------


class DeviceError(HerdbookError):
    """A device could not serve what it should."""

    exit_code = 20
    remedy = "Later nights try again by themselves; `herdbook ingest DEVICE DAY` tries now."


class DeviceUnreachableError(DeviceError):
    """The device does not answer."""

    exit_code = 21
    remedy = "Check its power and network; later nights fetch the day by themselves."


class DeviceAuthenticationError(DeviceError):
    """The device refuses our token, or the certificate does not match."""

    exit_code = 22
    remedy = "Give the device's current token with `herdbook fleet enrol DEVICE --token-file FILE`."


class DeviceClockError(DeviceError):
    """The device's clock disagrees with ours."""

    exit_code = 23
    remedy = "Set the device's clock (NTP) and let it issue the day again; nothing was loaded or freed."


class DeviceProtocolError(DeviceError):
    """The device answers with something that is not the agent's API."""

    exit_code = 24
    remedy = "Check that the address is a Herdbook agent and that its version is not older than this platform's."


class DeviceBusyError(DeviceError):
    """Another process is fetching from the same device."""

    exit_code = 25
    remedy = "Wait until it is done and run the command again; nothing was changed."


class LabelServerError(HerdbookError):
    """A server of farm records does not answer, fails, or is too busy."""

    exit_code = 26
    remedy = "Later nights go on where this one stopped; `herdbook labels sync NAME` tries now."


class LabelServerRefusedError(LabelServerError):
    """A server of farm records refuses our token, or its certificate is not trusted."""

    exit_code = 27
    remedy = "Put the server's current token into $HERDBOOK_HOME/secrets/sync/NAME.token; nothing was changed."


class LabelServerProtocolError(LabelServerError):
    """A server of farm records answers with something that is not ICAR's data exchange."""

    exit_code = 28
    remedy = "Check the address of its changes in $HERDBOOK_HOME/sync/NAME.yaml; what was taken over before stays."


class PlainHttpRefusedError(ConfigurationError):
    """An agent would be spoken to, or would listen, without TLS beyond its own machine."""

    exit_code = 118
    remedy = (
        "Give the agent a certificate (`herdbook fleet ca`) and an https address. Where the line itself is safe, allow "
        "it: HERDBOOK_PLAIN_HTTP_HOSTS on the platform, `--plain-http` on the device."
    )


class AuthorityError(HerdbookError):
    """The farm's certificate authority is not there, or may not or cannot issue what is asked."""

    exit_code = 119
    remedy = "`herdbook fleet ca status` shows what there is; docs/fleet-manager.md has the steps. Nothing was issued."


class CredentialError(DeviceError):
    """A device did not take up its new token or certificate. The former one still opens it."""

    exit_code = 120
    remedy = "Run the same command again once the device answers: it goes on where it stopped."


# -- what crossed the boundary is not what it should be ---------------------------------------------------------------


class IntegrityError(HerdbookError):
    """A device day is not what its manifest says, or not what the contract allows."""

    exit_code = 30
    remedy = "The day stays on the device. Let the device issue it again: `herdbook edge reissue DAY` there."


class ManifestError(IntegrityError):
    """The manifest is not valid."""

    exit_code = 31


class UnsafePathError(ManifestError):
    """A name in a manifest or request tries to leave its folder."""

    exit_code = 32
    remedy = "Treat the device as compromised until explained; nothing was written outside its folder."


class TransferCorruptError(IntegrityError):
    """A file's bytes do not match its sha256 or size."""

    exit_code = 33
    remedy = (
        "The next attempt fetches the file anew; if it fails again, check the device's disk and issue the day again."
    )


class RecordSchemaError(IntegrityError):
    """A record file's columns or types are not the contract's."""

    exit_code = 34
    remedy = "The file is in quarantine. Update the device's software and let it issue the day again."


class RowCountError(IntegrityError):
    """A record file does not have the rows its manifest promises."""

    exit_code = 35
    remedy = "The file is in quarantine. Let the device issue the day again."


class ClipDecodeError(IntegrityError):
    """A clip does not decode as video."""

    exit_code = 36
    remedy = "The clip is in quarantine, the records are loaded. Check the camera and the device's disk."


class DayBoundaryError(IntegrityError):
    """Rows lie outside the farm-local day they claim."""

    exit_code = 37
    remedy = "The rows are in quarantine. Check the device's clock and time zone, then let it issue the day again."


class DuplicateRowError(IntegrityError):
    """The same key occurs twice."""

    exit_code = 38
    remedy = "The later rows are in quarantine, the first are loaded. Update the device's software if it recurs."


class ForeignKeyError(IntegrityError):
    """Rows name a tracklet, camera or behaviour that does not exist."""

    exit_code = 39
    remedy = "The rows are in quarantine, the rest is loaded. Let the device issue the day again."


class RecordValueError(IntegrityError):
    """Rows hold values that the contract does not allow: not finite, out of range, or outside their tracklet."""

    exit_code = 60  # the thirties are taken
    remedy = "The rows are in quarantine, the rest is loaded. Update the device's software if it recurs."


class LandedDayError(IntegrityError):
    """A device day that landed here was altered, or part of it is gone."""

    exit_code = 61
    remedy = "Fetch it again with `herdbook ingest DEVICE DAY`, while the device has it; or restore it from a backup."


# -- where things are kept --------------------------------------------------------------------------------------------


class StorageError(HerdbookError):
    """A store could not be read or written."""

    exit_code = 40
    remedy = "`herdbook doctor` checks each store and says what to do."


class DiskFullError(StorageError):
    """A disk or quota is full."""

    exit_code = 41
    remedy = (
        "Free space or lower HERDBOOK_FOOTAGE_BUDGET_BYTES, then run the command again: it continues where it stopped."
    )


class BackupUnusableError(InputError):
    """A folder is no backup that this Herdbook can restore into these stores."""

    exit_code = 114
    remedy = "Name a folder that `herdbook backup` wrote; nothing was touched."


class BackupDamagedError(StorageError):
    """A backup is not as it was written."""

    exit_code = 115
    remedy = "Restore another one: `herdbook backup --list`. Nothing was touched."


class RestoreRefusedError(InputError):
    """A restore would overwrite what is there."""

    exit_code = 116
    remedy = "Let HERDBOOK_HOME (and the other stores' settings) name an empty place, or move what is there aside."


class LakeBusyError(StorageError):
    """Other writers kept the lake locked for longer than we wait."""

    exit_code = 42
    remedy = "Run the command again; nothing was half written."


class DatabaseAwayError(StorageError):
    """A database server does not answer, or broke off what was under way."""

    exit_code = 122
    remedy = "Start the server, or wait until it is back; what was under way is tried again by the next run."


class LakeCheckFailedError(StorageError):
    """A check marked *fail* found rows."""

    exit_code = 43
    remedy = "`herdbook lake check` lists the rows; the last published herd.duckdb stays as it was."


class NotInitialisedError(StorageError):
    """The lake or ledger is not there yet, or is of an older version."""

    exit_code = 44
    remedy = "Run `herdbook init` (it keeps what is there)."


class WorkspaceError(StorageError):
    """Git or DVC refused a step of a training run's workspace."""

    exit_code = 45
    remedy = "See what it said above; the run's folder stays as it was, and the same command continues it."


class CheckpointError(StorageError):
    """A training run's checkpoint cannot be gone on from."""

    exit_code = 47
    remedy = "Remove the file: the stage then begins anew. Finished stages and the champion stay as they are."


class RegistryError(StorageError):
    """The registry of runs and models (MLflow) cannot be used."""

    exit_code = 46
    remedy = "Check HERDBOOK_MLFLOW_URI and that its server or disk is there; the champion keeps its alias."


class ObjectStoreError(StorageError):
    """The S3 store cannot be reached, or refuses."""

    exit_code = 110
    remedy = "`herdbook doctor` tries every step; check HERDBOOK_S3_ENDPOINT, the key's file and the bucket's policy."


class RemoteError(StorageError):
    """DVC's remote cannot be reached, or lacks data. What was computed lies in the cache under HERDBOOK_HOME."""

    exit_code = 111
    remedy = "Check HERDBOOK_DVC_REMOTE with `herdbook doctor`; the same command goes on and computes nothing twice."


class BrokerError(StorageError):
    """Celery's broker (Redis) does not answer, or refuses."""

    exit_code = 112
    remedy = "Start Redis, or correct the address in HERDBOOK_BROKER_URL_FILE; tasks wait until then."


class AnalystRoleError(StorageError):
    """The role for analysts cannot be made in the lake's catalog."""

    exit_code = 121
    remedy = (
        "Run it as the catalog's owner, with the right to make roles; `herdbook lake analysts ROLE` prints the SQL."
    )


# -- what is judged ---------------------------------------------------------------------------------------------------


class PromotionRefusedError(HerdbookError):
    """A gate refuses the promotion, or there is nothing to go back to."""

    exit_code = 70
    remedy = "See the failed gates above. The champion keeps its alias; nothing was changed."


class NotReproducedError(HerdbookError):
    """A run made again came to other figures."""

    exit_code = 71
    remedy = "See above what differs between the two: code, data, lock, environment or machine."


# -- releases and the devices that run them ---------------------------------------------------------------------------


class ActivationError(HerdbookError):
    """A release was not taken up. The device runs what it ran before."""

    exit_code = 96
    remedy = "The device tries again by itself; `herdbook edge update --once` tries now."


class EngineBuildError(ActivationError):
    """An engine could not be built from the release's graphs."""

    exit_code = 97
    remedy = "Read the builder's log named above; correct the recipe, or make the release anew. The old engine serves."


class EngineRefusedError(ActivationError):
    """An engine did not prove itself: parity, precision, latency or memory."""

    exit_code = 98
    remedy = "The certificate lists every problem; correct the release or its budget. The old engine serves."


class TritonError(ActivationError):
    """The device's Triton server does not start, or does not do what it is asked."""

    exit_code = 99
    remedy = "See triton/server.log in the device's folder."


class SwitchFailedError(ActivationError):
    """The new engine stopped serving after the switch. The last good release was restored."""

    exit_code = 100
    remedy = "See triton/server.log in the device's folder; make the release anew. The last good release serves."


class ReleaseUnusableError(ActivationError):
    """A release is not whole, or not for this kind of device."""

    exit_code = 101
    remedy = "Give the release a recipe for this SKU, or assign one that has it. The old engine serves."


class DriftReadingError(HerdbookError):
    """An engine crashed, hung or took too much memory while it read the device's own clips."""

    exit_code = 79
    remedy = "The recorder was not touched. If the new release did it, do not roll it out; the log beside has the rest."


class ReleaseDataError(HerdbookError):
    """Alert rules, or the pools of a device's animals, are not what a release carries."""

    exit_code = 78
    remedy = "Install a release whose alerts and pools are valid; recording goes on without them."


class ReleaseRefusedError(HerdbookError):
    """A version of a model may not be released, or not with these frames."""

    exit_code = 72
    remedy = "See the message; nothing was written or published."


class ReleaseNotProvedError(HerdbookError):
    """What would be released does not do what its version does, or is too large."""

    exit_code = 73
    remedy = "Train or export the version again; nothing was written or published."


class RolloutStoppedError(HerdbookError):
    """A rollout ended without reaching the fleet: a gate stopped it, or a person aborted it."""

    exit_code = 74
    remedy = "`herdbook fleet rollouts` says why, device by device; mend the release and roll out a new one."


class RolloutConflictError(HerdbookError):
    """What is asked does not fit where the rollout stands, or another is under way."""

    exit_code = 75
    remedy = "`herdbook fleet rollouts` shows where each stands; abort the one under way, or wait for its end."


class RolloutPolicyError(InputError):
    """A rollout's policy is none."""

    exit_code = 76
    remedy = "Correct the file; src/herdbook/fleet/rollout/policy.yaml shows every key. Nothing was begun."


class NotSignedError(HerdbookError):
    """The repository has no signed release of that name."""

    exit_code = 77
    remedy = "`herdbook fleet release` makes and signs one; `herdbook fleet status` shows what devices run."


class SignedReleaseError(HerdbookError):
    """A signed release or assignment cannot be published or installed."""

    exit_code = 90
    remedy = "Correct what the message names and run the command again; what devices run stays as it was."


class RepositoryUnreachableError(SignedReleaseError):
    """The repository of signed releases does not answer."""

    exit_code = 91
    remedy = (
        "Check the network and `updates: url:` in device.yaml; the device tries again and goes on where it stopped."
    )


class UntrustedMetadataError(SignedReleaseError):
    """Metadata is not signed by the keys that are trusted, or parts of different states are mixed."""

    exit_code = 92
    remedy = (
        "Nothing was installed. Run `herdbook fleet trust status` on the platform; if all is well there, someone "
        "stands between it and the device: find out who before anything else."
    )


class MetadataExpiredError(SignedReleaseError):
    """Metadata has expired: nothing may be installed by it."""

    exit_code = 93
    remedy = (
        "Run `herdbook fleet trust refresh` on the platform (`maintain` does so every night), and check this clock. "
        "What is installed keeps running."
    )


class MetadataReplayedError(SignedReleaseError):
    """Metadata or an assignment is older than what was seen before."""

    exit_code = 94
    remedy = (
        "Nothing was installed. A copy of the repository may lag behind: wait for it. If the repository was restored "
        "from a backup, see docs/fleet-manager.md."
    )


class TargetMismatchError(SignedReleaseError):
    """A file's bytes are not those that were signed."""

    exit_code = 95
    remedy = "The bytes were thrown away; the next attempt fetches them anew. If it recurs, publish the release again."


# -- what a study estimates -------------------------------------------------------------------------------------------


class StudyDefinitionError(InputError):
    """A study's definition is not one."""

    exit_code = 80
    remedy = "Correct the definition; docs/epidemiologist.md has a complete one. Nothing was written."


class LeakageError(StudyDefinitionError):
    """A study asks for something that is known only on the index day or after it."""

    exit_code = 81
    remedy = "Leave it out; what may be an exposure is listed by `herdbook study measures`. Nothing was written."


class ModelMixError(StudyDefinitionError):
    """A study compares what different model releases measured, without a bridge between them."""

    exit_code = 82
    remedy = "Compare within a release (model_change: stratify), or measure a bridge: `herdbook learn bridge OLD NEW`."


class TrainedOnCaseError(LeakageError):
    """An exposure was measured by a model that was trained on the case's own footage or label."""

    exit_code = 104
    remedy = (
        "Use a release that was trained on other farms or days, read the footage again with one, or choose cases that"
        " it has not seen. Nothing was written."
    )


class EmptyStudyError(InputError):
    """No case or no control is left to compare."""

    exit_code = 83
    remedy = "See the flow of `herdbook study plan`; ask for less, or for a longer time. Nothing was written."


class AssuranceError(InputError):
    """A study's definition does not give the rows that are expected of it."""

    exit_code = 84
    remedy = "See above what differs; correct the definition, or what is expected of it. Nothing was written."


class EstimationError(HerdbookError):
    """An estimate cannot be made from these rows."""

    exit_code = 85
    remedy = "Correct the analysis table or the study's definition as the message says; nothing was written."


class NotIdentifiedError(EstimationError):
    """A covariate does not vary where it is compared, or follows from the others."""

    exit_code = 86
    remedy = "Leave out the covariates named above, or do not match on what they say."


class SeparationError(EstimationError):
    """A covariate parts those with the outcome from those without: its ratio has no finite estimate."""

    exit_code = 87
    remedy = "Join rare levels, correct extreme values, or leave out the covariates named above."


class ConvergenceError(EstimationError):
    """The likelihood's maximum was not found."""

    exit_code = 88
    remedy = "Look for extreme values among the covariates; rescale or leave out the one that has them."


# -- reports -----------------------------------------------------------------------------------------------------------


class NothingToReportError(InputError):
    """No day of the animal or pen lies in the range that was asked for."""

    exit_code = 102
    remedy = "Ask for the days named above, or leave --since and --until out; nothing was written."


class ReportNotWrittenError(HerdbookError):
    """A report's file cannot be written."""

    exit_code = 103
    remedy = "Name a file in a folder that is there and that this user may write to."


# -- who is who -------------------------------------------------------------------------------------------------------


class IdentityConflictError(InputError):
    """What is said about who is who contradicts what people said before, or puts an animal in two places at once."""

    exit_code = 107
    remedy = "Take back what was wrong with `herdbook identity undo OPERATION`. Nothing was changed."


class NotUndoableError(InputError):
    """An operation on identities cannot be undone, or not any more."""

    exit_code = 108
    remedy = "`herdbook identity log` lists what holds. Nothing was changed."


class CrossSpaceError(InputError):
    """Looks of different embedding spaces, or of different model releases, would have been compared."""

    exit_code = 109
    remedy = "Compare within one space, or measure a bridge first: `herdbook learn bridge OLD NEW`."


# -- the installation -------------------------------------------------------------------------------------------------


class MissingDependencyError(HerdbookError):
    """An optional library is not installed."""

    exit_code = 50
    remedy = "Install the extra named above, for example: pip install 'herdbook[edge]'."


class CheckupFailedError(HerdbookError):
    """`herdbook doctor` found something that will not work."""

    exit_code = 51
    remedy = "Follow what is said beside each failed line above."


def all_errors() -> Iterator[type[HerdbookError]]:
    """Every exception of the tree, base first, in the order of the exit codes."""
    found: list[type[HerdbookError]] = []
    queue: list[type[HerdbookError]] = [HerdbookError]
    while queue:
        cls = queue.pop()
        found.append(cls)
        queue.extend(cls.__subclasses__())
    return iter(sorted(found, key=lambda cls: cls.exit_code))


def exit_code_page() -> str:
    """``docs/exit-codes.md``: every exit code with its meaning and remedy."""
    rows = [
        f"| {e.exit_code} | `{e.__name__}` | {(e.__doc__ or '').splitlines()[0]} | {e.remedy} |" for e in all_errors()
    ]
    return "\n".join(
        [
            "# Exit codes",
            "",
            "Generated: `python -m herdbook.errors > docs/exit-codes.md`. 0 is success, 2 wrong usage of the",
            "command line, 130 an interruption by the user.",
            "",
            "| code | error | meaning | what to do |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(exit_code_page(), end="")

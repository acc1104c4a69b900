"""Why a training or a prediction could not run. Each is raised before anything is written."""

from __future__ import annotations

from warehouse.contract.errors import SparkhouseError


class ModelJobError(SparkhouseError):
    """The job could not run on what there is; the message says what to do."""


class UnknownLabel(ModelJobError):
    """The label is not one of the binary labels."""


class UnknownAlgorithm(ModelJobError):
    """The algorithm is not one of those that can be trained."""


class UnknownMethod(ModelJobError):
    """There is no such way to deal with imbalance."""


class MissingFeatures(ModelJobError):
    """The feature table lacks columns that the catalogue lists."""


class NoBuildYet(ModelJobError):
    """No build of the warehouse was complete at the moment asked for."""


class IngestedLater(ModelJobError):
    """The build of the moment asked for holds lines that were ingested later."""


class SnapshotExpired(ModelJobError):
    """Iceberg no longer keeps the state of a table that a past build left."""


class NoKnownSnapshot(ModelJobError):
    """No snapshot date of the range has its labels known."""


class EmptyRange(ModelJobError):
    """The first date lies after the last."""


class UnwritableFile(ModelJobError):
    """Nothing can be written under the name."""


class TooFewSnapshots(ModelJobError):
    """No training snapshot is left before the test snapshots once the embargo is kept."""


class TooFewUsers(ModelJobError):
    """Too few users, or too few with the outcome, to fit and compare models."""


class OneClassOnly(ModelJobError):
    """All known labels of the training or of the test snapshots agree."""


class NoModelYet(ModelJobError):
    """Nothing has been trained for the label."""


class UnknownModelVersion(ModelJobError):
    """The label has no such model version."""


class NoSuchSnapshot(ModelJobError):
    """The feature table has no rows for the date."""


class MissingTable(ModelJobError):
    """A table of the warehouse that the job reads is not there."""


class ModelNotStored(ModelJobError):
    """ml.model_versions knows the version, but its files are gone."""


class MisplacedStore(ModelJobError):
    """MLflow's store says that its files are in another state folder."""


class NotRelocated(ModelJobError):
    """The store of a moved or copied state folder could not be made its own."""

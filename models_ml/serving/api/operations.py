"""The operations of the API as its document describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models_ml.serving.api.alternatives import OF_USER
from models_ml.serving.api.customers import LIST
from models_ml.serving.api.parameters import PAGING
from models_ml.serving.api.reference import PLAN
from models_ml.serving.api.schemas.parts import ref
from models_ml.serving.api.upload import UPLOAD
from models_ml.serving.web.security import BYTES

if TYPE_CHECKING:
    from models_ml.serving.api.parameters import Parameter

GET, POST = "get", "post"
SCORED = ("403", "409", "413", "415", "422")


@dataclass(frozen=True)
class Operation:
    """One request: `answer` and `body` name schemas, `example` is a body, `refusals` are statuses of its own.

    `takes` is the type of the body; a file has no example.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: str
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    example: Any = None
    refusals: tuple[str, ...] = ()
    takes: str = "application/json"

    @property
    def content(self) -> dict[str, Any]:
        """The schema of the answer as an OpenAPI document has it."""
        return {"application/json": {"schema": ref(self.answer)}}


OPERATIONS = (
    Operation(GET, "/publication", "publication", "The publication that all answers are of", "Publication"),
    Operation(GET, "/overview", "overview", "Today's numbers, the gate, and the last whole run", "Overview"),
    Operation(GET, "/customers", "customers", "Customers with their newest prediction", "CustomerList", LIST),
    Operation(
        GET,
        "/customers/{user_id}",
        "customer",
        "A customer: all predictions, and a page of the sessions",
        "WholeCustomer",
        PAGING,
        refusals=("404",),
    ),
    Operation(
        GET,
        "/similar",
        "similar",
        "Customers who were most like one at a past date, and what became of them",
        "Similar",
        OF_USER,
        refusals=("404", "409"),
    ),
    Operation(
        POST,
        "/what-if",
        "whatIf",
        "The score of a customer of the newest snapshot, now and with some inputs changed",
        "WhatIf",
        body="WhatIfRequest",
        example={"user_id": "3", "changes": {"days_since_last_event": 20}},
        refusals=("404", *SCORED),
    ),
    Operation(
        POST,
        "/score",
        "score",
        "Score up to 1,000 customers by their features, or users of the newest snapshot",
        "Scores",
        body="ScoreRequest",
        example={"customers": [{"level": "free", "song_count_lifetime": 120, "days_since_last_event": 12.5}]},
        refusals=SCORED,
    ),
    Operation(
        POST,
        "/score/described",
        "scoreDescribed",
        "Score a customer by what somebody can say of one; the rest is as it is with others",
        "DescribedScore",
        body="Description",
        example={"level": "paid", "days_as_member": 60, "songs": 300, "thumbs_down": 4},
        refusals=SCORED,
    ),
    Operation(
        POST,
        "/upload",
        "upload",
        "Score the users of a raw log, plain or packed, up to 50 MB; nothing of it is kept",
        "UploadedRisk",
        UPLOAD,
        body="Log",
        refusals=(*SCORED, "429", "501", "507"),
        takes=BYTES,
    ),
    Operation(
        GET, "/features", "features", "The catalogue of features, and which the champion reads", "FeatureList", PAGING
    ),
    Operation(GET, "/model", "model", "The champion's card, and that of its challenger", "Model"),
    Operation(GET, "/model/versions", "versions", "All versions of the model, the newest first", "VersionList", PAGING),
    Operation(GET, "/campaigns", "campaigns", "Campaigns that were drawn, and their effect", "CampaignList", PAGING),
    Operation(
        GET,
        "/campaigns/plan",
        "campaignPlan",
        "Whom an offer would pay for within a budget",
        "Plan",
        PLAN,
        refusals=("409", "422"),
    ),
    Operation(GET, "/outcomes", "outcomes", "What was foretold against what came true", "OutcomeList", PAGING),
    Operation(GET, "/drift", "drift", "How far the newest snapshot is from what was trained on", "DriftList", PAGING),
)

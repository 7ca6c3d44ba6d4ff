"""The questions that only a provider can answer, in the order of ``provider.toml``.

Each question has a section and key, a kind that says what an answer looks like, help for the person who
fills the file, and an example. Parser, template and manual are made from this one table.

References
----------
European Commission, template for the public summary of training content, Art. 53(1)(d) of Regulation
(EU) 2024/1689; California Civil Code 3111 (AB 2013); Croissant RAI 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "date", "yes-no", "claim", "texts", "hosts", "address", "number", "amount", "status", "entries"
]

KIND_WORDS: dict[str, str] = {
    "text": "text",
    "date": "a date, yyyy-mm-dd",
    "yes-no": "true or false",
    "claim": 'true or false, or { yes = "…" } or { no = "…" } with the words that explain it',
    "texts": "a list of texts",
    "hosts": "a list of host names such as example.org",
    "address": "an address that begins with https:// or http://",
    "number": "a whole number, 1 or more",
    "amount": "a number above 0",
    "status": '"voluntary", or { required_by_law = "who says so, and why" }',
    "entries": "a list of tables",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One key of ``provider.toml``.

    Parameters
    ----------
    section, key : str
        Where it stands.
    kind : str
        A key of `KIND_WORDS`.
    help : str
        What is asked, for the person who fills it in.
    example : str
        An answer as TOML.
    columns : tuple of (str, str, bool)
        For ``entries``: name, kind and whether it is required.
    """

    section: str
    key: str
    kind: Kind
    help: str
    example: str
    columns: tuple[tuple[str, Kind, bool], ...] = ()

    @property
    def name(self) -> str:
        """Section and key, as in messages."""
        return f"{self.section}.{self.key}"


SECTIONS: dict[str, str] = {
    "summary": "About these documents.",
    "provider": "Who answers for the generator.",
    "model": "The generator, and what it was built on.",
    "content": "What the training content is like, as far as the sealed corpus cannot tell.",
    "public": "Publicly available datasets.",
    "licensed": "Content licensed from rightsholders or their representatives.",
    "private": "Other datasets obtained from third parties.",
    "crawled": "Content gathered from the web.",
    "user_data": "What users typed or did.",
    "synthetic": "Content made by a generator.",
    "other": "Sources that are none of the above.",
    "rights": "Copyright and unlawful content.",
}

_MODEL: tuple[tuple[str, Kind, bool], ...] = (("name", "text", True), ("summary", "address", False))
_DATASET: tuple[tuple[str, Kind, bool], ...] = (
    ("name", "text", True),
    ("version", "text", False),
    ("link", "address", False),
    ("modality", "text", False),
    ("hours", "amount", False),
    ("subset", "text", False),
)
_MODALITY: tuple[tuple[str, Kind, bool], ...] = (
    ("modality", "text", True),
    ("amount", "text", True),
    ("types", "text", False),
    ("contains_audio", "yes-no", False),
    ("audio_hours", "amount", False),
)

QUESTIONS: tuple[Question, ...] = (
    Question("summary", "status", "status", "Why they are published.", '"voluntary"'),
    Question("summary", "last_update", "date", "Day of this version.", "2026-11-23"),
    Question(
        "summary",
        "earlier_versions",
        "texts",
        "Addresses of earlier versions that the audit log does not know.",
        '["https://example.org/summary-1"]',
    ),
    Question("provider", "name", "text", "Legal name.", '"Example Music Lab Ltd"'),
    Question("provider", "contact", "text", "How to reach you.", '"rights@example.org"'),
    Question("provider", "representative", "text", "Authorised representative in the EU.", '"Example GmbH"'),
    Question("provider", "small", "yes-no", "Are you a small or medium-sized enterprise?", "true"),
    Question(
        "provider",
        "address",
        "address",
        "Where these documents are published.",
        '"https://example.org/training"',
    ),
    Question(
        "provider",
        "requests",
        "text",
        "How a creator asks about recordings.",
        '"rights@example.org, or the form at https://example.org/ask"',
    ),
    Question("provider", "answer_days", "number", "Days within which you answer.", "30"),
    Question("model", "names", "texts", "Name and version of every model covered.", '["Example Music 1.2"]'),
    Question(
        "model",
        "base_models",
        "entries",
        "Models that it was built on, pretrained encoders included, and the address of their own summaries.",
        '[{ name = "Base 3", summary = "https://example.org/base-3" }]',
        _MODEL,
    ),
    Question("model", "placed_on_market", "date", "First made available in the EU.", "2026-11-01"),
    Question(
        "model", "purpose", "text", "How the content serves the model's purpose.", '"To generate music."'
    ),
    Question("model", "first_used", "date", "Day on which training first used the content.", "2026-06-01"),
    Question(
        "content",
        "other_modalities",
        "entries",
        "Text, images, video or other content that was used besides the sealed audio, and how much. "
        "Of video, say whether it holds sound (contains_audio) and how many hours (audio_hours).",
        '[{ modality = "text", amount = "2 million tokens", types = "prompts and tags" }]',
        _MODALITY,
    ),
    Question(
        "content", "types_of_audio", "text", "What kinds of audio.", '"Recorded music, mostly electronic."'
    ),
    Question(
        "content", "latest_collection", "date", "Day on which the last content was collected.", "2026-05-31"
    ),
    Question("content", "continuous", "yes-no", "Does training go on with new content?", "false"),
    Question("content", "languages", "texts", "Languages sung or spoken.", '["English", "instrumental"]'),
    Question("content", "characteristics", "text", "Other characteristics.", '"Excerpts of 25 seconds."'),
    Question("content", "comments", "text", "Comments.", '"Resampled to 32 kHz mono."'),
    Question(
        "content", "cleaning", "text", "Cleaning, processing or change, and why.", '"Cut and resampled."'
    ),
    Question(
        "content", "protected", "claim", "Is any of it protected by copyright?", '{ yes = "All of it." }'
    ),
    Question(
        "content",
        "personal_information",
        "claim",
        "Does it hold personal information?",
        '{ yes = "Voices." }',
    ),
    Question(
        "content", "consumer_information", "claim", "Does it hold aggregate consumer information?", "false"
    ),
    Question("content", "biases", "text", "Known biases.", '"Western game music is over-represented."'),
    Question("content", "limitations", "text", "Known limitations.", '"Short excerpts only."'),
    Question("content", "use_cases", "text", "Intended uses.", '"Research on attribution."'),
    Question("content", "social_impact", "text", "Effects on people.", '"May compete with its makers."'),
    Question(
        "content", "maintenance", "text", "How it is kept up to date.", '"A new seal for every training."'
    ),
    Question(
        "public",
        "datasets",
        "entries",
        "Public datasets by name. Those above 3 % of a modality's public content must be listed.",
        '[{ name = "Open Set", version = "2", link = "https://example.org/open", hours = 40 }]',
        _DATASET,
    ),
    Question("public", "used", "yes-no", "Were public datasets used?", "true"),
    Question("public", "description", "text", "The other public datasets, in words.", '"Small test sets."'),
    Question("public", "comments", "text", "Comments.", '"None removed since."'),
    Question("licensed", "used", "yes-no", "Was content licensed from rightsholders?", "true"),
    Question("licensed", "comments", "text", "Comments.", '"Contracts from 2024 on."'),
    Question("private", "used", "yes-no", "Were other private datasets obtained?", "false"),
    Question(
        "private",
        "datasets",
        "entries",
        "Private datasets whose use is publicly known.",
        '[{ name = "Library X" }]',
        _DATASET,
    ),
    Question("private", "description", "text", "The private datasets, in words.", '"A sound library."'),
    Question("private", "comments", "text", "Comments: period, size.", '"2019 to 2024, 300 hours."'),
    Question("crawled", "used", "yes-no", "Was content gathered from the web?", "false"),
    Question("crawled", "crawlers", "texts", "Names of the crawlers.", '["ExampleBot"]'),
    Question("crawled", "purposes", "text", "What they were run for.", '"To collect music files."'),
    Question(
        "crawled",
        "behaviour",
        "text",
        "How they treat robots.txt, captchas, paywalls and logins.",
        '"robots.txt is obeyed; nothing behind a login or paywall is read."',
    ),
    Question("crawled", "period", "text", "From when to when, MM/YYYY.", '"01/2025 to 06/2025"'),
    Question(
        "crawled", "description", "text", "What was gathered, and from what kinds of site.", '"Netlabels."'
    ),
    Question("crawled", "modalities", "texts", "Modalities gathered.", '["audio"]'),
    Question(
        "crawled",
        "domains",
        "hosts",
        "Domain names, most content first: the top 10 % by volume (small enterprises: the top 5 % or 1,000).",
        '["example.org"]',
    ),
    Question("crawled", "comments", "text", "Comments; single works or addresses.", '"No playlists."'),
    Question(
        "user_data", "interactions", "yes-no", "Was anything used that users typed into the model?", "false"
    ),
    Question("user_data", "other_services", "yes-no", "Was user data of your other services used?", "false"),
    Question("user_data", "services", "texts", "Which services.", '["Example Player"]'),
    Question("user_data", "modalities", "texts", "Modalities of that data.", '["audio", "text"]'),
    Question("user_data", "comments", "text", "Comments: period, what users were told.", '"None."'),
    Question("synthetic", "used", "yes-no", "Was content made by a generator used?", "false"),
    Question("synthetic", "modalities", "texts", "Its modalities.", '["audio"]'),
    Question(
        "synthetic",
        "market_models",
        "entries",
        "Models on the market that made it, and the address of their own summaries.",
        '[{ name = "Other Music 2", summary = "https://example.org/other-2" }]',
        _MODEL,
    ),
    Question(
        "synthetic", "other_models", "texts", "Other models that made it, your own included.", '["Example 1"]'
    ),
    Question("synthetic", "comments", "text", "Comments.", '"Augmentation only."'),
    Question("other", "used", "yes-no", "Was any other source used?", "false"),
    Question("other", "description", "text", "What it is.", '"Own studio recordings."'),
    Question("other", "comments", "text", "Comments.", '"Recorded in 2024."'),
    Question("rights", "code_of_practice", "yes-no", "Did you sign the EU Code of Practice?", "false"),
    Question(
        "rights",
        "measures",
        "text",
        "How reservations of rights (opt-outs) are found and honoured.",
        '"robots.txt, TDMRep and CAWG assertions are read before every training."',
    ),
    Question(
        "rights", "policy", "address", "Address of the copyright policy.", '"https://example.org/copyright"'
    ),
    Question("rights", "comments", "text", "Comments.", '"Reviewed every year."'),
    Question("rights", "illegal_content", "text", "How unlawful content is kept out.", '"Known hash lists."'),
    Question("rights", "other", "text", "Anything else.", '"See the audit log."'),
)
"""Every question, in the order of the file."""

BY_NAME: dict[str, Question] = {question.name: question for question in QUESTIONS}

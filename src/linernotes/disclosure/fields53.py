"""The fields of the EU summary of training content, in order: id, section, label and what an answer looks like.

Conventions
-----------
Ids follow the letters of the AI Accountability Lab's field list; labels are in our own words. ``list`` fields want
entries that somebody can look up; ``gate`` names the yes-or-no field that decides whether a field applies.

References
----------
European Commission, template for the public summary of training content, Art. 53(1)(d) of Regulation (EU) 2024/1689,
C(2025) 8311; AI Accountability Lab, "GPAI training transparency" (arXiv 2603.13270).

Known limits
------------
The list was reconstructed from filed summaries and the laboratory's field list; letters inside 2.4 to 2.6 may differ
from those of the official form, its sections do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["text", "date", "yes-no", "list", "hosts", "models", "datasets", "size", "texts"]


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the form."""

    field_id: str
    section: str
    label: str
    kind: FieldKind
    gate: str = ""


_1 = "General information"
_11, _12, _13 = "Provider", "Model", "Modalities, size and characteristics"
_21, _221, _222 = "Publicly available datasets", "Commercially licensed data", "Other private datasets"
_23, _24, _25, _26 = "Crawled and scraped data", "User data", "Synthetic data", "Other sources"
_31, _32, _33 = "Reservation of rights", "Unlawful content", "Other information"

FIELDS_53: tuple[FormField, ...] = (
    FormField("0", _1, "Version of the summary, last update, links to earlier versions", "text"),
    FormField("1.1.a", _11, "Provider's name and contact", "text"),
    FormField("1.1.b", _11, "Authorised representative", "text"),
    FormField("1.2.a", _12, "Names and versions of the models covered", "texts"),
    FormField("1.2.b", _12, "Models it depends on, with links to their own summaries", "models"),
    FormField("1.2.c", _12, "Date of placement on the Union market", "date"),
    FormField("1.3.a", _13, "Modalities in the training content", "texts"),
    FormField("1.3.b", _13, "Size of each modality", "size"),
    FormField("1.3.c", _13, "Types of content in each modality", "text"),
    FormField("1.3.d", _13, "Latest date of collection, and whether training goes on", "date"),
    FormField("1.3.e", _13, "Languages", "texts"),
    FormField("1.3.f", _13, "Other characteristics", "text"),
    FormField("1.3.g", _13, "Comments, sampling rates of audio among them", "text"),
    FormField("2.1.a", _21, "Were publicly available datasets used?", "yes-no"),
    FormField("2.1.b", _21, "Their modalities", "texts", "2.1.a"),
    FormField("2.1.c", _21, "List of the large ones: name, version, link, part used", "datasets", "2.1.a"),
    FormField("2.1.d", _21, "Description of the others", "text", "2.1.a"),
    FormField("2.1.e", _21, "Comments", "text", "2.1.a"),
    FormField("2.2.1.a", _221, "Was content licensed from rightsholders or their representatives?", "yes-no"),
    FormField("2.2.1.b", _221, "Its modalities", "texts", "2.2.1.a"),
    FormField("2.2.2.a", _222, "Were other private datasets of third parties obtained?", "yes-no"),
    FormField("2.2.2.b", _222, "Their modalities", "texts", "2.2.2.a"),
    FormField("2.2.2.c", _222, "List of those publicly known", "datasets", "2.2.2.a"),
    FormField("2.2.2.d", _222, "Description of the others", "text", "2.2.2.a"),
    FormField("2.2.2.e", _222, "Comments: period, size", "text", "2.2.2.a"),
    FormField("2.3.a", _23, "Was content crawled or scraped from the web?", "yes-no"),
    FormField("2.3.b", _23, "Names of the crawlers", "texts", "2.3.a"),
    FormField("2.3.c", _23, "Purposes of the crawlers", "text", "2.3.a"),
    FormField("2.3.d", _23, "Behaviour: robots.txt, captchas, paywalls, logins", "text", "2.3.a"),
    FormField("2.3.e", _23, "Period of collection, MM/YYYY", "date", "2.3.a"),
    FormField("2.3.f", _23, "Content and kinds of source", "text", "2.3.a"),
    FormField("2.3.g", _23, "Modalities", "texts", "2.3.a"),
    FormField("2.3.h", _23, "Most relevant domain names", "hosts", "2.3.a"),
    FormField("2.3.i", _23, "Comments, single works or addresses among them", "text", "2.3.a"),
    FormField("2.4.a", _24, "Were users' prompts or interactions with the model used?", "yes-no"),
    FormField("2.4.b", _24, "Was data of users of the provider's other services used?", "yes-no"),
    FormField("2.4.c", _24, "Which services", "texts", "2.4.b"),
    FormField("2.4.d", _24, "Modalities of that data", "texts", "2.4.b"),
    FormField("2.4.e", _24, "Comments", "text", "2.4.b"),
    FormField("2.5.a", _25, "Was synthetic data used?", "yes-no"),
    FormField("2.5.b", _25, "Its modalities", "texts", "2.5.a"),
    FormField(
        "2.5.c", _25, "Models on the market that made it, with links to their summaries", "models", "2.5.a"
    ),
    FormField("2.5.d", _25, "Other models that made it, the provider's own included", "texts", "2.5.a"),
    FormField("2.5.e", _25, "Comments", "text", "2.5.a"),
    FormField("2.6.a", _26, "Was any other source used?", "yes-no"),
    FormField("2.6.b", _26, "Description of it", "text", "2.6.a"),
    FormField("2.6.c", _26, "Comments", "text", "2.6.a"),
    FormField("3.1.a", _31, "Signatory of the Code of Practice?", "yes-no"),
    FormField("3.1.b", _31, "Measures that honour reservations of text and data mining", "text"),
    FormField("3.1.c", _31, "Comments and the address of the copyright policy", "text"),
    FormField("3.2.a", _32, "How unlawful content is removed", "text"),
    FormField("3.3.a", _33, "Anything else", "text"),
)
"""All fields, in the order of the form."""

FIELD_BY_ID: dict[str, FormField] = {one.field_id: one for one in FIELDS_53}

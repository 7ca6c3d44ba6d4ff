"""The result types. Four questions, four types, and no function from one to another.

====================================================  ===================  =========================
question                                              type                 strength of the claim
====================================================  ===================  =========================
Is it the *same recording*?                           `Match`, `Passage`   identification
Is it the *same music*, played otherwise?             `VersionMatch`       musical relation
Which *disclosed* recordings moved the generator      `Influence`,         ranking among known
toward this output?                                   `InfluenceRanking`   candidates
Does it carry *someone's* voice or playing?           (not built yet)      likeness, consent-bound
====================================================  ===================  =========================

`Reliability` is the measured trust in one method × generator × corpus. It rides on an
`InfluenceRanking`; royalties refuse a ranking without it. `CalibrationNote` says on what the statements
of a ranking (probabilities, effects and their intervals) were calibrated, and how well they held.

Conventions
-----------
Spans are half-open, in seconds from the start of the audio. Influence scores are positive when
*training on the item made the output more likely*. Every type carries a ``scope`` sentence that
says what the figure does not say, and ``as_json`` gives the field names of the JSON contract.

Known limits
------------
Nothing here proves copying, and nothing here can name a recording that nobody disclosed.
"""

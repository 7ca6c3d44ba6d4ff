"""From evidence to statements: a declared policy divides a pool, exactly, and says why on every line."""

from linernotes.royalties.allocation import Allocation, Candidate, allocate
from linernotes.royalties.export import statement_csv
from linernotes.royalties.money import Money, parse_money
from linernotes.royalties.outputs import Output, read_outputs
from linernotes.royalties.policy import Policy, default_policy, load_policy, parse_policy
from linernotes.royalties.statement import build_statement, candidates_of, check_statement

__all__ = [
    "Allocation",
    "Candidate",
    "Money",
    "Output",
    "Policy",
    "allocate",
    "build_statement",
    "candidates_of",
    "check_statement",
    "default_policy",
    "load_policy",
    "parse_money",
    "parse_policy",
    "read_outputs",
    "statement_csv",
]

"""Crawlers and control tokens whose operators say, or are said, to use what they fetch for training models.

Only those that collect for training stand here. Those that fetch a page for a user's question, or build a search
index, are other uses: to shut them out says nothing about training.

References
----------
The operators' own pages; the community list ai.robots.txt (https://github.com/ai-robots-txt/ai.robots.txt, MIT), as of
22 August 2026.

Known limits
------------
The list ages. A crawler that is not on it, or that does not name itself, leaves no trace in this signal.
"""

from __future__ import annotations

from linernotes.signals.robots import Robots, product_token

AS_OF = "2026-08-22"
TRAINING_AGENTS: dict[str, str] = {
    "AI2Bot": "Allen Institute for AI",
    "Ai2Bot-Dolma": "Allen Institute for AI",
    "Amazonbot": "Amazon",
    "anthropic-ai": "Anthropic",
    "Applebot-Extended": "Apple",
    "Bytespider": "ByteDance",
    "CCBot": "Common Crawl",
    "ChatGLM-Spider": "Zhipu AI",
    "ClaudeBot": "Anthropic",
    "cohere-training-data-crawler": "Cohere",
    "Cotoyogi": "ROIS",
    "DeepSeekBot": "DeepSeek",
    "Diffbot": "Diffbot",
    "FacebookBot": "Meta",
    "Google-CloudVertexBot": "Google",
    "Google-Extended": "Google",
    "GPTBot": "OpenAI",
    "ICC-Crawler": "NICT",
    "img2dataset": "img2dataset",
    "laion-huggingface-processor": "LAION",
    "LAIONDownloader": "LAION",
    "meta-externalagent": "Meta",
    "omgili": "Webz.io",
    "PanguBot": "Huawei",
    "SBIntuitionsBot": "SB Intuitions",
    "TikTokSpider": "ByteDance",
    "Timpibot": "Timpi",
    "VelenPublicWebCrawler": "Velen",
    "Webzio-Extended": "Webz.io",
    "YandexAdditional": "Yandex",
}
"""Name in robots.txt, and who runs it."""


def shut_out(robots: Robots, path: str) -> tuple[str, ...]:
    r"""Return the training crawlers that a robots.txt keeps from a path *by name*.

    A rule for ``*`` shuts out everybody, search engines too, and is told by `everybody_shut_out`.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> shut_out(parse_robots("User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /"), "/song.wav")
    ('CCBot', 'GPTBot')
    """
    return tuple(name for name in TRAINING_AGENTS if robots.names(name) and not robots.may_crawl(name, path))


def everybody_shut_out(robots: Robots, path: str) -> bool:
    r"""Say whether a path is closed to crawlers that the file does not name.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> everybody_shut_out(parse_robots("User-agent: *\nDisallow: /"), "/song.wav")
    True
    """
    return not robots.may_crawl("*", path)


def is_training_agent(token: str) -> bool:
    """Say whether a product token is on the list.

    Examples
    --------
    >>> is_training_agent("gptbot"), is_training_agent("OAI-SearchBot")
    (True, False)
    """
    return token in _TOKENS


_TOKENS = frozenset(product_token(name) for name in TRAINING_AGENTS)

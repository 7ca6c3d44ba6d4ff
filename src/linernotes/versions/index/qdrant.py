"""The same store on a Qdrant server or cluster: for collections that one machine does not hold.

Qdrant spreads a collection over machines and copies, and searches a graph instead of everything. The vectors live
there; the log of recordings stays in the index folder.

Conventions
-----------
A location is ``COLLECTION@ADDRESS``. The address is the URL of a server (``http://db.example:6333``), or the path of
a folder for the client's own local mode, which is meant for trying out and tests. A key is read from
``QDRANT_API_KEY``. Vectors are kept as they are given, in 32-bit floats. Each point carries the upper part of its id,
by which it is removed.

References
----------
Malkov, Yashunin (2020), "Efficient and robust approximate nearest neighbor search using hierarchical navigable small
world graphs", IEEE TPAMI (what the server searches).

Known limits
------------
A server's answer is approximate: ask it for exact answers with ``exact=True`` at the cost of time. Writers on
several machines are not kept apart: keep the index folder, which has the lock, in one place. Whether the server's
disk has kept a vector is the server's business; damage there shows as missing vectors in ``versions index check``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError, InputError, MissingExtra
from linernotes.versions.index.store import (
    NOTHING,
    Hits,
    checked_ids,
    checked_k,
    checked_vectors,
    no_hits,
)

GROUP = "recording"
GROUP_BITS = 16
_AT_ONCE = 512
_TIMEOUT_S = 60


class QdrantStore:
    """Vectors in a Qdrant collection; made by `open`."""

    def __init__(self, client: Any, collection: str, dimension: int, *, exact: bool = False) -> None:
        self._client, self.collection, self._dimension, self._exact = client, collection, dimension, exact
        self._last_id = NOTHING

    @classmethod
    def open(cls, location: str, dimension: int, *, exact: bool = False) -> Self:
        """Open a collection, and make it where there is none.

        Parameters
        ----------
        location : str
            ``COLLECTION@ADDRESS``.
        dimension : int
            Values per vector.
        exact : bool
            Whether the server compares with everything instead of following its graph.

        Raises
        ------
        MissingExtra
            If ``qdrant-client`` is not installed.
        InputError
            If the location names no collection or no address.
        CorpusError
            If the server does not answer, or the collection holds vectors of another width.
        """
        collection, _, address = location.partition("@")
        if not collection or not address:
            raise InputError(f"vector store 'qdrant:{location}'; expected qdrant:COLLECTION@ADDRESS")
        client = _client(address)
        store = cls(client, collection, dimension, exact=exact)
        try:
            with store._plain_faults():
                if not client.collection_exists(collection):
                    store._make()
                found = client.get_collection(collection).config.params.vectors.size
            if found != dimension:
                raise CorpusError(
                    f"qdrant:{location}: vectors of {found} values, expected {dimension}; "
                    "choose another collection"
                )
        except BaseException:
            client.close()
            raise
        return store

    @property
    def dimension(self) -> int:
        """Values per vector."""
        return self._dimension

    @property
    def last_id(self) -> int:
        """The largest id that was added through this object: a server gives removed ids free again."""
        return self._last_id

    def __len__(self) -> int:
        with self._plain_faults():
            return int(self._client.count(self.collection, exact=True).count)

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Keep vectors under rising ids above `last_id`; returns once the server has them."""
        from qdrant_client import models

        found = checked_vectors(vectors, self.dimension)
        names = checked_ids(ids, len(found), self.last_id)
        for first in range(0, len(found), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            points = [
                models.PointStruct(
                    id=int(name), vector=row.tolist(), payload={GROUP: int(name) >> GROUP_BITS}
                )
                for name, row in zip(names[part], found[part], strict=True)
            ]
            with self._plain_faults():
                self._client.upsert(self.collection, points, wait=True)
        if len(names):
            self._last_id = int(names[-1])

    def remove(self, first: int, end: int) -> int:
        """Forget all ids in [first, end) and return how many there were."""
        from qdrant_client import models

        n_before = len(self)
        if not n_before:
            return 0
        lowest, highest = -(-first >> GROUP_BITS), end >> GROUP_BITS
        edges = [
            *range(first, min(end, lowest << GROUP_BITS)),
            *range(max(first, highest << GROUP_BITS), end),
        ]
        groups = models.Range(gte=lowest, lt=highest)
        inside = models.Filter(must=[models.FieldCondition(key=GROUP, range=groups)])
        with self._plain_faults():
            if edges:
                chosen = models.PointIdsList(points=sorted(set(edges)))
                self._client.delete(self.collection, chosen, wait=True)
            self._client.delete(self.collection, models.FilterSelector(filter=inside), wait=True)
        return n_before - len(self)

    def search(self, vectors: NDArray[np.float32], k: int) -> Hits:
        """Return the *k* nearest to each row of *vectors*, approximately unless opened as exact."""
        from qdrant_client import models

        queries = checked_vectors(vectors, self.dimension)
        found = no_hits(len(queries), checked_k(k))
        asked = [
            models.QueryRequest(
                query=row.tolist(), limit=k, params=models.SearchParams(exact=self._exact or None)
            )
            for row in queries
        ]
        for first in range(0, len(asked), _AT_ONCE):
            with self._plain_faults():
                answers = self._client.query_batch_points(self.collection, asked[first : first + _AT_ONCE])
            for row, answer in enumerate(answers, start=first):
                n = len(answer.points)
                found.ids[row, :n] = [point.id for point in answer.points]
                found.distances[row, :n] = [point.score**2 / self.dimension for point in answer.points]
        order = np.lexsort((found.ids, found.distances), axis=1)
        return Hits(
            np.take_along_axis(found.ids, order, axis=1), np.take_along_axis(found.distances, order, axis=1)
        )

    def faults(self) -> tuple[tuple[int, str], ...]:
        """Return nothing: a server looks after its own bytes."""
        return ()

    def _make(self) -> None:
        from qdrant_client import models

        self._client.create_collection(
            self.collection,
            vectors_config=models.VectorParams(size=self.dimension, distance=models.Distance.EUCLID),
        )
        if _is_server(self._client):
            self._client.create_payload_index(self.collection, GROUP, models.PayloadSchemaType.INTEGER)

    @contextmanager
    def _plain_faults(self) -> Iterator[None]:
        from qdrant_client.http.exceptions import ApiException

        try:
            yield
        except (ApiException, OSError, RuntimeError) as error:
            words = str(error).strip().splitlines() or [type(error).__name__]
            raise CorpusError(
                f"Qdrant collection '{self.collection}': {words[0]}; see that the server runs and the key in "
                "QDRANT_API_KEY is right, and repeat the command: what was finished before is kept"
            ) from error


def _client(address: str) -> Any:
    try:
        from qdrant_client import QdrantClient
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "package 'qdrant-client' is not installed; run: pip install 'linernotes[vectors]'"
        ) from error
    try:
        if "://" in address:
            key = os.environ.get("QDRANT_API_KEY")
            return QdrantClient(url=address, api_key=key, timeout=_TIMEOUT_S, check_compatibility=False)
        return QdrantClient(path=address)
    except (RuntimeError, OSError, ValueError) as error:
        raise CorpusError(
            f"Qdrant at {address}: {error}; close other programs that use it, or correct the address"
        ) from error


def _is_server(client: Any) -> bool:
    from qdrant_client.local.qdrant_local import QdrantLocal

    return not isinstance(client._client, QdrantLocal)

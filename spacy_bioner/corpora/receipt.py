"""The account that every conversion gives of the mentions it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spacy_bioner.corpora.alignment import Change

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the mentions of some Documents when they were put on tokens.

    mentions_in, mentions_out: mentions of the Documents, and those that were kept.
    changes: every mention that was moved or dropped. labels: mentions_in by label.
    retokenised: documents that came with other tokens than they were put on.
    """

    documents: int
    mentions_in: int
    mentions_out: int
    changes: tuple[Change, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    retokenised: int = 0

    @classmethod
    def of(
        cls,
        documents: int,
        labels: Mapping[str, int],
        changes: Sequence[Change],
        retokenised: int = 0,
    ) -> Receipt:
        """The receipt of so many documents with these mentions by label."""
        mentions = sum(labels.values())
        kept = mentions - sum(change.to is None for change in changes)
        return cls(documents, mentions, kept, tuple(changes), dict(labels), retokenised)

    @property
    def moved(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.to is not None)

    @property
    def dropped(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.to is None)

    @property
    def recall_ceiling(self) -> float:
        """Share of the mentions that a perfect model trained on the result can find as
        they were annotated; 1.0 where there is none."""
        elsewhere = sum(
            change.to != (change.entity.start, change.entity.end) for change in self.moved
        )
        return (self.mentions_out - elsewhere) / self.mentions_in if self.mentions_in else 1.0

    def render(self, limit: int | None = SHOWN) -> str:
        """One text: the counts, then at most `limit` changed mentions (None: all)."""
        head = (
            f"{self.documents:,} documents, {self.mentions_out:,} of "
            f"{self.mentions_in:,} mentions kept"
        )
        if self.changes:
            head += (
                f" ({len(self.moved):,} moved, {len(self.dropped):,} dropped): "
                f"recall as annotated is at most {self.recall_ceiling:.2%}"
            )
        if self.retokenised:
            head += f"; {self.retokenised:,} documents have other tokens than they came with"
        return "\n".join([head, *render_list(self.changes, limit)])


def render_list(items: Sequence[object], limit: int | None) -> list[str]:
    """Indented lines, one an item, the last telling how many are not shown."""
    shown = items if limit is None else items[:limit]
    more = [f"... and {len(items) - len(shown):,} more"] if len(shown) < len(items) else []
    return [f"  {item}" for item in [*shown, *more]]

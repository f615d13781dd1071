"""What is wrong with rows, before a model learns from them.

Each check returns the problems it finds, in words: what, how many, which, and the key to change.
Where tokens must be read, as many entries of a source are read as its limit says, evenly
spread. The loss of packed rows is checked by `medllm.data.packed_loss`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from medllm.errors import ConfigError
from medllm.types import Conversation, Document, Preference, Turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from medllm.data.corpus import Corpus
    from medllm.data.pack import Row
    from medllm.data.steps import Rows
    from medllm.data.store import Store

KINDS = {Document: "documents", Conversation: "conversations", Preference: "pairs"}
ENDING = {  # what gives a kind of example its end
    Document: "add documents, or change data.seq_len: the ends of these lie in no row",
    Conversation: "put it inside {% generation %} of model.template, or raise data.seq_len",
    Preference: "put it inside {% generation %} of model.template, or raise data.seq_len",
}
NAMED = 5  # rows or entries that a message names
PROBE = tuple(
    Turn(role, text) for text in ("One", "Two", "Three") for role in ("user", "assistant")
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is looked at, and how much is borne.

    truncated: largest share of a source's examples that may be cut at seq_len, in [0, 1].
    read: entries and examples of each source that are read; None for all.
    compared: rows whose loss is compared, packed against example by example.
    tolerance: largest difference of a token's loss, in nats.
    """

    truncated: float
    read: int | None
    compared: int
    tolerance: float

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.truncated <= 1:
            problems.append(f"limits.truncated={self.truncated} must be in [0, 1]")
        if self.read is not None and self.read < 1:
            problems.append(f"limits.read={self.read} must be at least 1, or null")
        if self.compared < 0:
            problems.append(f"limits.compared={self.compared} must be 0 or more")
        if self.tolerance <= 0:
            problems.append(f"limits.tolerance={self.tolerance} must be positive")
        if problems:
            raise ConfigError(problems)


def corpora_of(stores: "Mapping[str, Store]") -> "dict[str, Corpus]":
    """The examples that each store was made of."""
    from medllm.data.corpus import Corpus

    return {
        name: Corpus(store.folder.parent.parent / "corpora" / store.manifest["corpus_folder"])
        for name, store in stores.items()
    }


def unlearnt_rows(stores: "Mapping[str, Store]", rows: "Rows") -> list[str]:
    """Rows, or replies of pairs, in which nothing is learnt: their steps are wasted."""
    learnt = np.zeros(len(rows.entries), dtype=np.int64)
    for number, store in enumerate(stores.values()):
        mine = rows.entries[:, 0] == number
        # of a pair, the reply with less to learn
        each = store.learnt.reshape(-1, 2).min(axis=1) if store.is_pairs else store.learnt
        learnt[mine] = each[rows.entries[mine, 1]]
    empty = np.flatnonzero(np.add.reduceat(learnt, rows.borders[:-1]) == 0).tolist()
    total = len(rows.borders) - 1
    remedy = "use data.packing=whole or a longer data.seq_len"
    return [f"{some(empty, total, 'rows')} have no learnt token; {remedy}"] if empty else []


def unlearnt_ends(
    stores: "Mapping[str, Store]",
    corpora: "Mapping[str, Corpus]",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    read: int | None,
) -> list[str]:
    """Kinds of example of which no end token is learnt: a model would never stop."""
    kinds: dict[type, list[str]] = {}
    for name, corpus in corpora.items():
        kinds.setdefault(corpus.kind, []).append(name)
    return [
        f"the end token {tokenizer.eos_token!r} is learnt nowhere in the {KINDS[kind]} of "
        f"{', '.join(names)}, so a model would not stop; {ENDING[kind]}"
        for kind, names in kinds.items()
        if not any(
            (row.targets == tokenizer.eos_token_id).any()
            for name in names
            for _, row in entries(stores[name], read)
        )
    ]


def doubled_begins(
    stores: "Mapping[str, Store]", tokenizer: "PreTrainedTokenizerBase", *, read: int | None
) -> list[str]:
    """Examples that begin with the begin token twice, as no base model ever read them."""
    if tokenizer.bos_token_id is None:
        return []
    problems = []
    for name, store in stores.items():
        looked = [(n, _is_doubled(row, tokenizer.bos_token_id)) for n, row in entries(store, read)]
        if found := [number for number, is_doubled in looked if is_doubled]:
            problems.append(
                f"{some(found, len(looked), f'entries of {name}')} have an example that begins "
                f"with {tokenizer.bos_token!r} twice; write it once in model.template"
            )
    return problems


def _is_doubled(row: "Row", begin: object) -> bool:
    """Whether an example begins with two begin tokens."""
    runs_on = row.positions[1:] == 1
    return bool(((row.ids[:-1] == begin) & (row.ids[1:] == begin) & runs_on).any())


def changing_template(
    tokenizer: "PreTrainedTokenizerBase", conversations: Iterable[tuple[str, Sequence[Turn]]]
) -> list[str]:
    """Conversations whose beginning is rendered otherwise once more turns follow.

    A model that is asked turn by turn would read other tokens than it was taught with.

    Args:
        tokenizer: with its chat template.
        conversations: id and turns.
    """
    found = [(id, _change(tokenizer, turns)) for id, turns in conversations]
    changed = [(id, change) for id, change in found if change]
    if not changed:
        return []
    id, change = changed[0]
    return [
        f"the chat template changes what it has written once more turns follow, in "
        f"{len(changed):,} of {len(found):,} conversations; {id}: {change}; change model.template"
    ]


def conversations(
    corpora: "Mapping[str, Corpus]", *, read: int | None
) -> "Iterator[tuple[str, Sequence[Turn]]]":
    """Id and turns of a probe and of examples with several replies; none where nobody speaks."""
    spoken = [corpus for corpus in corpora.values() if corpus.kind is not Document]
    if spoken:
        yield "a probe", PROBE
    for corpus in spoken:
        for number in spread(len(corpus), read):
            example = corpus.example(number)
            if isinstance(example, Preference):
                turns = (*example.prompt, Turn("assistant", example.chosen))
            else:
                assert isinstance(example, Conversation), "documents are not spoken"
                turns = example.turns
            if sum(turn.role == "assistant" for turn in turns) > 1:
                yield example.id, turns


def _change(tokenizer: "PreTrainedTokenizerBase", turns: Sequence[Turn]) -> str:
    """The first token that more turns change, in words; "" where none does."""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    stops = [at + 1 for at, turn in enumerate(turns) if turn.role == "assistant"]
    encoded: Any = tokenizer.apply_chat_template([messages[:s] for s in stops], return_dict=True)
    for stop, (short, long) in zip(stops, pairwise(encoded["input_ids"]), strict=False):
        if long[: len(short)] != short:
            at = next(n for n, id in enumerate(short) if long[n : n + 1] != [id])
            before, after = (tokenizer.decode(ids[at : at + 1]) for ids in (short, long))
            return f"token {at} of its first {stop} turns, {before!r}, becomes {after!r}"
    return ""


def truncated_examples(stores: "Mapping[str, Store]", *, share: float) -> list[str]:
    """Sources of which too many examples lose their end at seq_len."""
    counts = {name: store.manifest for name, store in stores.items()}
    return [
        f"{count['truncated']:,} of {count['examples']:,} examples of {name} are cut at seq_len, "
        f"more than limits.truncated={share}; raise data.seq_len, or the limit"
        for name, count in counts.items()
        if count["truncated"] > share * count["examples"]
    ]


def entries(store: "Store", read: int | None) -> "Iterator[tuple[int, Row]]":
    """Number and content of `read` entries, evenly spread; None for all."""
    for number in spread(len(store.lengths), read):
        yield number, store.entry(number)


def spread(total: int, read: int | None) -> list[int]:
    """At most `read` numbers below `total`, evenly spread; None for all."""
    count = total if read is None else min(read, total)
    return np.linspace(0, total - 1, count).astype(int).tolist()


def some(found: Sequence[int], total: int, what: str) -> str:
    """E.g. "7 of 60 rows (1, 4, 9, 12, 30, ...)"."""
    more = ", ..." if len(found) > NAMED else ""
    named = ", ".join(map(str, found[:NAMED]))
    return f"{len(found):,} of {total:,} {what} ({named}{more})"

"""New entries for a tokenizer, from a corpus: pairs are merged on where the base stopped.

    text -> base -> ids, cut into words -> one character per id -> BPE trainer -> entries

Continued BPE training, Purason et al. 2025 (arXiv 2512.03989). Text is cut as before and only
then merged further, so an entry stands for whole tokens of the base and none is out of reach.
The pieces of a tokenizer trained apart, as Chinese-LLaMA adds them (Cui et al. 2023, arXiv
2304.08177), left up to 2 % more tokens of held-out text, at equal numbers of entries.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from medllm.errors import ConfigError, DataError
from medllm.model.extension.core import BYTE, Core, Entry, core_of
from medllm.model.extension.merge import extended

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

TOGETHER = 1 << 20  # characters that the tokenizer gets at once
FIRST = 0x10000  # the character of id 0: from here on none is a blank, none a surrogate
BLANK = "▁"  # as SentencePiece writes it

# Kinds of token: words of SentencePiece's trainer are of one kind, after a blank or none.
ALONE, LETTERS, DIGITS, SIGNS, WALL = range(5)


def learn(
    texts: Iterable[str],
    tokenizer: "PreTrainedTokenizerFast",
    *,
    size: int,
    min_count: int,
    longest: int,
    coverage: float,
) -> list[Entry]:
    """The entries that make `tokenizer` `size` long, in the order of their ids.

    Characters that the base spells or does not know come first, the frequent ones first.

    Args:
        texts: read twice.
        size: entries afterwards.
        min_count: how often at least an entry stands in the corpus when it is merged.
        longest: characters of an entry.
        coverage: share of the corpus's characters that get an entry where they have none.

    Raises:
        ConfigError: see `entries_wanted` and `core_of`.
        DataError: the corpus does not give so many entries.
    """
    core = core_of(tokenizer)
    wanted = entries_wanted(core, size)
    stand_for = [(number,) for number in range(len(core.tokens))]
    entries = _unknown(texts, core, coverage)[:wanted] if core.is_pieces else []
    stand_for += [entry.parts for entry in entries]
    core = extended(core, entries)
    there = set(core.tokens)
    for ids in _merges(texts, core, wanted - len(entries), min_count):
        token = "".join(core.tokens[number] for number in ids)
        # What is too long is part of nothing shorter, so leaving it out leaves no gap.
        if token not in there and len(core.text(token)) <= longest:
            there.add(token)
            entries.append(Entry(token, sum((stand_for[number] for number in ids), ())))
    if len(entries) < wanted:
        raise DataError(
            f"only {len(entries)} of {wanted} new entries stand min_count={min_count} times in the "
            f"corpus and are at most longest={longest} characters: use "
            f"size={size - wanted + len(entries)} at most, or a larger corpus"
        )
    return entries[:wanted]


def entries_wanted(core: Core, size: int) -> int:
    """How many entries are to come.

    Raises:
        ConfigError: none is.
    """
    base = len(core.tokens)
    if size <= base:
        raise ConfigError([f"size={size} is not above the {base} entries of the base"])
    return size - base


def encoded(texts: Iterable[str], core: Core) -> "Iterator[tuple[str, Encoding]]":
    """Each text and its tokens; many are cut at a time, so that every processor has work."""
    batch, characters = [], 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= TOGETHER:
            yield from _cut(batch, core)
            batch, characters = [], 0
    yield from _cut(batch, core)


def _cut(batch: list[str], core: Core) -> "Iterable[tuple[str, Encoding]]":
    return zip(batch, core.cutter.encode_batch(batch, add_special_tokens=False), strict=True)


def _unknown(texts: Iterable[str], core: Core, coverage: float) -> list[Entry]:
    """Characters that have no entry, the most frequent first, up to the covered share."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    covered = 0
    found: dict[str, Entry] = {}
    for character, count in counts.most_common():
        if covered >= coverage * counts.total():
            break
        covered += count
        if parts := _spelt(character, core):
            normal = core.cutter.normalizer
            token = normal.normalize_str(character).removeprefix(BLANK) if normal else character
            found.setdefault(token, Entry(token, parts))
    return list(found.values())


def _spelt(character: str, core: Core) -> tuple[int, ...]:
    """The bytes that stand for a character, or the unknown entry; () where it has its own."""
    cut = core.cutter.encode(character, add_special_tokens=False)
    parts = [n for n, token in zip(cut.ids, cut.tokens, strict=True) if token != BLANK]
    is_one_byte = len(parts) == 1 and BYTE.fullmatch(core.tokens[parts[0]])
    if is_one_byte or not core.walls.issuperset(parts) or not character.isprintable():
        return ()
    return tuple(parts)


def _merges(texts: Iterable[str], core: Core, wanted: int, min_count: int) -> list[list[int]]:
    """The ids that each new entry joins, the most frequent first.

    Twice as many as wanted, for some will be too long.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    base = len(core.tokens)
    trainer = trainers.BpeTrainer(
        vocab_size=base + 2 * wanted,
        min_frequency=min_count,
        initial_alphabet=[chr(FIRST + number) for number in range(base)],
        show_progress=False,
    )
    words = _Words(core)
    lines = (words.line(cut) for _, cut in encoded(texts, core))
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(lines, trainer)
    pairs = json.loads(learner.to_str())["model"]["merges"]
    return [[ord(character) - FIRST for character in left + right] for left, right in pairs]


class _Words:
    """Writes tokens as characters, with a blank where nothing may be merged across."""

    def __init__(self, core: Core) -> None:
        kinds = [_kind(token) if core.is_pieces else LETTERS for token in core.tokens]
        self.kinds = np.array([WALL if n in core.walls else k for n, k in enumerate(kinds)])
        self.begins = np.array([core.is_pieces and t.startswith(BLANK) for t in core.tokens])

    def line(self, cut: "Encoding") -> str:
        ids, words = np.array(cut.ids, dtype=np.uint32), np.array(cut.word_ids)
        kinds, begins = self.kinds[ids], self.begins[ids]
        seams = (words[1:] != words[:-1]) | begins[1:] | (kinds[1:] == WALL)
        seams |= (kinds[1:] != kinds[:-1]) & (kinds[:-1] != ALONE)
        marked = np.insert(ids + FIRST, np.flatnonzero(seams) + 1, ord(" "))
        return marked.astype("<u4").tobytes().decode("utf-32-le")


def _kind(token: str) -> int:
    """What SentencePiece's trainer would not put into one word with another."""
    said = token.lstrip(BLANK)
    if not said:
        return ALONE
    return {"L": LETTERS, "M": LETTERS, "N": DIGITS}.get(unicodedata.category(said[0])[0], SIGNS)

"""New entries into a tokenizer: into tokenizer.json, and into SentencePiece's own file.

tokenizer.json     what transformers reads; the ids of the base stay
tokenizer.model    the same for SentencePiece, where the base has one
extension.json     what each new entry stands for in tokens of the base
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medllm.model.extension.core import Core, Entry, core, core_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# What a merged piece of a Unigram model scores above its parts together, in nats: next to
# nothing beside the scores themselves, so the best cut of the base stays the best, merged.
ABOVE = 0.01


def extended(base: Core, entries: Sequence[Entry]) -> Core:
    """`base` with `entries` after its own."""
    said = json.loads(base.cutter.to_str())
    if said["model"]["type"] == "BPE":
        _add_pairs(said, entries, len(base.tokens))
    else:
        _add_scores(said, entries, base.tokens)
    return core(said)


def write(tokenizer: "PreTrainedTokenizerFast", entries: Sequence[Entry], folder: Path) -> None:
    """The longer tokenizer as a Hugging Face folder, with `extension.json`."""
    base = core_of(tokenizer)
    tokenizer.save_pretrained(folder)
    longer = extended(base, entries)
    longer.cutter.save(str(folder / "tokenizer.json"))
    if (model := _sentencepiece(tokenizer, base)) is not None:
        _lengthen(model, longer, entries)
        (folder / "tokenizer.model").write_bytes(model.SerializeToString())
    said = {"base": len(base.tokens), "parts": [entry.parts for entry in entries]}
    (folder / "extension.json").write_text(json.dumps(said), encoding="utf-8")


def _add_pairs(said: dict[str, Any], entries: Sequence[Entry], first: int) -> None:
    """Every way to put a new entry together from two that there are is a merge."""
    known: dict[str, int] = said["model"]["vocab"]
    for added in said["added_tokens"]:
        known.setdefault(added["content"], added["id"])  # tokenizers warns of gaps in the ids
    known.update({entry.token: number for number, entry in enumerate(entries, start=first)})
    for token, _ in entries:
        cuts = ((token[:at], token[at:]) for at in range(1, len(token)))
        said["model"]["merges"] += [cut for cut in cuts if known.keys() >= set(cut)]


def _add_scores(said: dict[str, Any], entries: Sequence[Entry], base: Sequence[str]) -> None:
    known: list[list] = said["model"]["vocab"]
    lowest = min(score for _, score in known)
    known += [[token, lowest] for token in base[len(known) :]]
    unknown = said["model"]["unk_id"]
    scores = [lowest if number == unknown else score for number, (_, score) in enumerate(known)]
    new = zip(entries, _scores(scores, entries), strict=True)
    known += [[entry.token, score] for entry, score in new]


def _scores(base: Sequence[float], entries: Sequence[Entry]) -> list[float]:
    """Those of new pieces of a Unigram model: of two equally long cuts the earlier entry wins."""
    return [
        sum(base[number] for number in entry.parts)
        + ABOVE * (len(entry.parts) - 1) * (2 - place / len(entries))
        for place, entry in enumerate(entries)
    ]


def _sentencepiece(tokenizer: "PreTrainedTokenizerFast", base: Core) -> Any:
    """SentencePiece's own model of the base, where there is one that numbers its pieces alike."""
    from sentencepiece import sentencepiece_model_pb2

    file = getattr(tokenizer, "vocab_file", None)
    if not base.is_pieces or not file:
        return None
    protocol: Any = sentencepiece_model_pb2  # its classes are made as it is imported
    model = protocol.ModelProto()
    model.ParseFromString(Path(file).read_bytes())
    usual = [number for number, piece in enumerate(model.pieces) if piece.type == piece.NORMAL]
    alike = all(base.tokens[number] == model.pieces[number].piece for number in usual)
    return model if alike else None


def _lengthen(model: Any, longer: Core, entries: Sequence[Entry]) -> None:
    """Add what `model` lacks of `longer`; in BPE every entry scores below the one before."""
    said = json.loads(longer.cutter.to_str())
    is_special = {added["id"]: added["special"] for added in said["added_tokens"]}
    lowest = min(piece.score for piece in model.pieces)
    for number in range(len(model.pieces), len(longer.tokens) - len(entries)):
        piece = model.pieces.add(piece=longer.tokens[number], score=0.0)
        piece.type = piece.CONTROL if is_special.get(number) else piece.USER_DEFINED
    if said["model"]["type"] == "Unigram":
        scores = [score for _, score in said["model"]["vocab"][-len(entries) :]]
    else:
        scores = [lowest - 1 - place for place in range(len(entries))]
    for entry, score in zip(entries, scores, strict=True):
        model.pieces.add(piece=entry.token, score=score)
    model.trainer_spec.vocab_size = len(model.pieces)

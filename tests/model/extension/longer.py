"""Tokenizers and models made longer, for the tests beside."""

from itertools import accumulate

from transformers import AutoTokenizer

from medllm.model.extension import merge
from medllm.model.extension.core import core_of
from medllm.model.extension.learn import learn

FEVER = ["发热咳嗽，发热头痛。", "fever, feverish fevers"] * 3
KEYS = {"min_count": 2, "longest": 16, "coverage": 1.0}


def learnt(texts, tokenizer, new, **keys):
    """`new` entries from `texts`: what each says, and what its parts say."""
    core = core_of(tokenizer)
    entries = learn(texts, tokenizer, size=len(tokenizer) + new, **{**KEYS, **keys})
    said = [core.text(token) for token in core.tokens]
    return [(core.text(token), [said[number] for number in parts]) for token, parts in entries]


def longer(tokenizer, folder, *, texts=FEVER, new=12, **keys):
    """`tokenizer` with entries from `texts`, written and read again."""
    folder.mkdir(exist_ok=True)
    entries = learn(texts, tokenizer, size=len(tokenizer) + new, **{**KEYS, **keys})
    merge.write(tokenizer, entries, folder)
    return AutoTokenizer.from_pretrained(folder)


def ends(core, text):
    """Where tokens end, in the vocabulary's own spelling of `text`."""
    cut = core.cutter.encode(text, add_special_tokens=False)
    return set(accumulate(len(token) for token in cut.tokens))

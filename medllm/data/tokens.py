"""A corpus as tokens: read once, whatever rows are made of them later.

    <stores>/tokens/<name>-<digest>/
        ids.bin         what the model reads, sequences end to end; uint16 or uint32
        learnt.bin      uint8, 1 where the token is one the model should say
        offsets.npy     (S + 1,) int64, where each sequence starts
        numbers.npy     (S,) int64, the example of the corpus it comes from
        left_out.jsonl  what the tokenizer could not use
        manifest.json

A pair takes two sequences, chosen then rejected.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from medllm.data import folder as folders


class TokenStore:
    """The sequences of one source.

    is_text: running text, every token of which is learnt but the first of a sequence.
    ids: (T,) memory map of unsigned integers.
    learnt: (T,) uint8 memory map.
    offsets: (S + 1,) int64.
    numbers: (S,) int64, of the example in the corpus.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folders.manifest(folder)
        self.is_pairs: bool = self.manifest["pairs"]
        self.is_text: bool = self.manifest["text"]
        dtype = np.dtype(self.manifest["dtype"])
        # Plain arrays over the maps: slices of np.memmap itself cost ten times as much.
        self.ids = np.asarray(np.memmap(folder / "ids.bin", dtype, mode="r"))
        self.learnt = np.asarray(np.memmap(folder / "learnt.bin", np.uint8, mode="r"))
        self.offsets = np.load(folder / "offsets.npy")
        self.numbers = np.load(folder / "numbers.npy")


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """Eight hex digits of all that decides which ids a text gets."""
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    # These two are the state of the last call, not part of what the tokenizer is.
    del core["padding"], core["truncation"]
    said = [core, tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]

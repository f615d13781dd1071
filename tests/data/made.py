"""Rows of small sources, right ones and wrong ones."""

import numpy as np

from medllm.data import checks, mix
from medllm.data.drawn import drawn
from medllm.data.mixture import Mixture
from medllm.data.steps import Layout, Steps
from medllm.data.store import Store


class Made:
    """A mixture of one source, tokenised and packed."""

    def __init__(self, source, tokenizer, folder, *, packing="whole", seq_len=64):
        mixture = Mixture(
            sources={"talk": source},
            seq_len=seq_len,
            packing=packing,
            mix_unit="row",
            mix=mix.all_once,
            heldout={},
        )
        self.stores = mixture.stores(tokenizer, folder, progress=False)
        self.corpora = checks.corpora_of(self.stores)
        self.rows = mixture.rows(self.stores, epochs=1, seed=0)

    def drawn(self):
        steps = Steps(self.stores, self.rows, global_batch=1, layout=Layout(0, 1, 1, 1), pad_id=0)
        return [row for (row,) in drawn(steps, 0, 100)]


def of_one_piece(store: Store) -> Store:
    """The store with a plan of one row, whose first two examples are taken for one."""
    stop = store.tokens.offsets[2]
    learnt = store.tokens.learnt[:stop].sum()
    plan = {"starts": [0], "stops": [stop], "borders": [0, 1], "learnt": [learnt]}
    for name, array in plan.items():
        np.save(store.folder / f"{name}.npy", np.array(array, dtype=np.int64))
    return Store(store.folder)

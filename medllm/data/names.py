"""Which examples a row of a run is made of, for those who must look at the data themselves.

row of the plan -> entries of stores -> sequences of tokens -> examples of the corpus
"""

from collections.abc import Sequence

from medllm.data.corpus import Corpus
from medllm.data.steps import Rows
from medllm.data.store import Store


def examples_of(row: int, stores: Sequence[Store], rows: Rows) -> list[str]:
    """Ids "source/key" of all examples that row number `row` has tokens of; none of -1.

    Ids only: what patients said stays where it is. Where somebody has removed the corpus, which
    training does not read, an example is named by its tokens, "books-1a2b3c4d#17".

    Args:
        stores: in the order that the numbers in `rows` mean.
    """
    if row < 0:
        return []
    entries = rows.entries[rows.borders[row] : rows.borders[row + 1]]
    return [name for source, entry in entries for name in _names(stores[source], int(entry))]


def _names(store: Store, entry: int) -> list[str]:
    numbers = store.examples(2 * entry if store.is_pairs else entry).tolist()
    folder = store.folder.parent.parent / "corpora" / store.manifest["corpus_folder"]
    if not (folder / "manifest.json").exists():
        return [f"{store.tokens.folder.name}#{number}" for number in numbers]
    corpus = Corpus(folder)
    return [corpus.example(number).id for number in numbers]

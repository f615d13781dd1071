"""Where text may be cut: a token of bytes may begin inside a Chinese character."""

import numpy as np
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast


def starts_character(tokenizer: PreTrainedTokenizerFast) -> np.ndarray:
    """(V,) bool: whether the text of a token begins with a character, not with the rest of one.

    Knows vocabularies of bytes (GPT-2, Qwen, Llama 3) and those that fall back on bytes for rare
    characters (Llama 2, Baichuan). In any other every token begins with a character.
    """
    # UTF-8 has the bytes 0x80 to 0xBF only inside a character
    inside = tuple(f"<0x{byte:02X}>" for byte in range(0x80, 0xC0))
    if "ByteLevel" in repr(tokenizer.backend_tokenizer.decoder):
        # these characters are 0xC2 and the byte in UTF-8; ByteLevel shows each as a letter
        characters = "".join(map(chr, range(0x80, 0xC0)))
        [(letters, _)] = ByteLevel(False, use_regex=False).pre_tokenize_str(characters)
        inside += tuple(letters[1::2])
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    starts = np.array([not (token or "").startswith(inside) for token in tokens], dtype=bool)
    starts[list(tokenizer.added_tokens_decoder)] = True
    return starts

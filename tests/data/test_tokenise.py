import re

import pytest

from medllm.data.tokenise import check_template, tokenise, tokenise_pair
from medllm.errors import ConfigError, DataError
from medllm.types import IGNORE, Conversation, Document, Preference, Turn

DIALOGUE = Conversation(
    "c/1",
    (
        Turn("user", "发热怎么办"),
        Turn("assistant", "喝水龘"),
        Turn("user", "a"),
        Turn("assistant", "b"),
    ),
)


def said(tokens, tokenizer):
    """What is learnt, as text."""
    return tokenizer.decode(tokens.targets[tokens.targets != IGNORE])


def test_a_document_is_learnt_from_begin_to_end(tokenizer):
    tokens = tokenise(Document("d/1", "a fever"), tokenizer)
    assert tokenizer.decode(tokens.ids) == "<|begin|>a fever<|end|>"
    assert tokens.targets[:-1].tolist() == tokens.ids[1:].tolist()
    assert tokens.targets[-1] == IGNORE
    assert (tokens.ids.dtype, tokens.targets.dtype) == ("int32", "int32")


def test_a_document_that_spells_out_a_control_token_does_not_end_there(tokenizer):
    tokens = tokenise(Document("d/1", "a<|end|>b"), tokenizer)
    assert tokens.ids.tolist().count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(tokens.ids) == "<|begin|>a<|end|>b<|end|>"


def test_only_the_assistant_is_learnt_and_so_is_where_it_stops(tokenizer):
    """龘 is three tokens: the border does not fall inside of a character."""
    tokens = tokenise(DIALOGUE, tokenizer)
    assert said(tokens, tokenizer) == "喝水龘<|end|>b<|end|>"


def test_a_target_is_the_next_id(tokenizer):
    tokens = tokenise(DIALOGUE, tokenizer)
    learnt = (tokens.targets != IGNORE).nonzero()[0]
    assert tokens.targets[learnt].tolist() == tokens.ids[learnt + 1].tolist()


def test_of_a_pair_only_the_last_reply_is_learnt(tokenizer):
    preference = Preference("p/1", DIALOGUE.turns[:3], "good", "bad")
    chosen, rejected = tokenise_pair(preference, tokenizer)
    assert said(chosen, tokenizer) == "good<|end|>"
    assert said(rejected, tokenizer) == "bad<|end|>"


def test_a_turn_cannot_forge_the_end_of_a_turn(tokenizer):
    forged = Conversation("c/9", (Turn("user", "hi<|end|>"), Turn("assistant", "b")))
    with pytest.raises(
        DataError, match=re.escape("example c/9 spells out the control token '<|en")
    ):
        tokenise(forged, tokenizer)


def test_a_conversation_without_a_reply_is_refused(tokenizer):
    with pytest.raises(DataError, match="example c/9 has no token to learn"):
        tokenise(Conversation("c/9", (Turn("user", "hello"),)), tokenizer)


def test_a_tokenizer_without_an_end_token_is_refused(tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="the tokenizer has no end token"):
        tokenise(Document("d/1", "a"), tokenizer)
    with pytest.raises(ConfigError, match="the tokenizer has no end token"):
        check_template(tokenizer)


@pytest.mark.parametrize("template", [None, "{% for m in messages %}{{ m.content }}{% endfor %}"])
def test_a_template_without_generation_marks_is_refused(tokenizer, template):
    tokenizer.chat_template = template
    with pytest.raises(ConfigError, match=re.escape("has no {% generation %} marks")):
        tokenise(DIALOGUE, tokenizer)


def test_a_template_that_leaves_the_end_of_the_turn_out_is_refused(tokenizer):
    check_template(tokenizer)  # as it should be
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{{ eos_token }}{% endgeneration %}", "{% endgeneration %}{{ eos_token }}"
    )
    with pytest.raises(ConfigError, match="learns the reply but not the end of the turn"):
        check_template(tokenizer)

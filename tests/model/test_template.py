"""How turns become ids, golden: any change here is a change of every trained model."""

import re

import pytest
import yaml

from medllm.data.tokenise import check_template, tokenise
from medllm.data.world.write import write
from medllm.errors import ConfigError, DataError
from medllm.model.template import Template
from medllm.model.vocabulary import BytePairs, Published
from medllm.types import IGNORE, Conversation, Document, Turn
from tests.conftest import REPO

CHAT = yaml.safe_load((REPO / "conf/model/template/chat.yaml").read_text())["jinja"]
TURNS = [("system", "S"), ("user", "Hi"), ("assistant", "Yes"), ("user", "A"), ("assistant", "B")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The tokenizer of the world's models, made of the smallest world, and the chat template."""
    folder = tmp_path_factory.mktemp("world") / "tiny"
    write(folder=str(folder), seed=0, diseases=10, renderings=2)
    vocabulary = BytePairs(files=[str(folder / "vocabulary.txt")], size=1536)
    return Template(jinja=CHAT).dress(vocabulary.tokenizer())


def encoded(tokenizer, turns=TURNS):
    return tokenise(Conversation("c", tuple(Turn(*turn) for turn in turns)), tokenizer)


def test_the_special_tokens_come_first(world):
    names = ["<|pad|>", "<|start|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    assert world.convert_tokens_to_ids(names) == [0, 1, 2, 3, 4, 5]
    assert (world.pad_token_id, world.bos_token_id, world.eos_token_id) == (0, 1, 2)


def test_a_conversation_as_text(world):
    messages = [{"role": role, "content": text} for role, text in TURNS]
    assert world.apply_chat_template(messages, tokenize=False) == (
        "<|system|>S<|end|><|user|>Hi<|end|><|assistant|>Yes<|end|>"
        "<|user|>A<|end|><|assistant|>B<|end|>"
    )
    prompt = world.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|system|>S<|end|><|user|>Hi<|end|><|assistant|>"


def test_golden_ids_and_targets_of_a_conversation(world):
    """Bytes are in the order of the byte-level alphabet, from 6: "!" 6, so "A" 38, "a" 70.

    The reply and its end token are learnt; nothing of a system's or a user's turn is.
    """
    s, h, i, y, e, a, b = (6 + ord(letter) - ord("!") for letter in "SHiYeAB")
    tokens = encoded(world, [("system", "S"), ("user", "Hi"), ("assistant", "Ye"),
                             ("user", "A"), ("assistant", "B")])  # fmt: skip
    _ = IGNORE
    assert tokens.ids.tolist() == [3, s, 2, 4, h, i, 2, 5, y, e, 2, 4, a, 2, 5, b, 2]
    assert tokens.targets.tolist() == [_, _, _, _, _, _, _, y, e, 2, _, _, _, _, b, 2, _]


def test_the_end_token_is_learnt_after_every_reply(world):
    targets = encoded(world).targets
    assert (targets == world.eos_token_id).sum() == 2
    check_template(world)


def test_a_document_begins_and_ends(world):
    tokens = tokenise(Document("d", "A"), world)
    assert tokens.ids.tolist() == [1, 38, 2]
    assert tokens.targets.tolist() == [38, 2, IGNORE]


def test_a_template_without_generation_block_is_refused(tokenizer):
    template = Template(jinja="{% for message in messages %}{{ message.content }}{% endfor %}")
    words = "model.template.jinja has no {% generation %} block, so nothing would be learnt"
    with pytest.raises(ConfigError, match=re.escape(words)):
        template.dress(tokenizer)


@pytest.mark.parametrize("mark", ["{% generation %}", "{%- generation -%}", "{%generation%}"])
def test_jinja_may_be_spelt_with_and_without_blanks(tokenizer, mark):
    jinja = CHAT.replace("{% generation %}", mark)
    assert Template(jinja=jinja).dress(tokenizer).chat_template == jinja


def test_no_template_makes_a_model_of_plain_text(tokenizer):
    assert Template(jinja=None).dress(tokenizer).chat_template is None


def test_the_same_files_give_the_same_vocabulary(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("fever and cough\n发热咳嗽\n" * 5, encoding="utf-8")
    first, second = (BytePairs(files=[str(file)], size=270).tokenizer() for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    assert len(first) == 270
    assert first.decode(first("发热 und Fieber é")["input_ids"]) == "发热 und Fieber é"


def test_a_missing_vocabulary_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*gone.txt to train a tokenizer on; change mod"):
        BytePairs(files=[str(tmp_path / "gone.txt")], size=300).tokenizer()


def test_a_published_tokenizer_is_taken_as_it_is(tmp_path, tokenizer):
    tokenizer.save_pretrained(tmp_path / "published")
    again = Published(path=str(tmp_path / "published")).tokenizer()
    assert again.get_vocab() == tokenizer.get_vocab()


def test_a_missing_published_tokenizer_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no folder .*gone; change model.start.vocabulary.path"):
        Published(path=str(tmp_path / "gone")).tokenizer()

import pytest
import torch

from medllm.errors import ConfigError, DataError
from medllm.eval.likelihood import option_logps
from medllm.eval.scorer import Generation, OptionLikelihood
from medllm.types import Question

PROMPT = "{question}\n{options}\nAnswer:"

QUESTIONS = [
    Question("q1", "Fever?", {"A": "drug", "B": "the patient takes a drug"}, "A"),
    Question("q2", "患者发热，应当如何治疗？", {"A": "阿司匹林", "B": "多喝水", "C": "头痛"}, "C"),
    Question("q3", "Who gives the drug to the patient?", {"A": "cough", "B": "doctor"}, "B"),
]


def one_by_one(prompt, options, model):
    """By the definition: every prompt and option in a pass of its own, without a cache."""
    found = []
    for option in options:
        with torch.no_grad():
            logits = model(torch.tensor([prompt + option]), use_cache=False).logits[0]
        logps = logits.log_softmax(-1)[len(prompt) - 1 : -1]
        found.append(sum(logps[i, token].item() for i, token in enumerate(option)))
    return found


@pytest.mark.parametrize("longest", [1, 7])
def test_options_are_scored_as_one_by_one(llama, longest):
    generator = torch.Generator().manual_seed(0)

    def ids(length):
        return torch.randint(3, 320, (length,), generator=generator).tolist()

    prompts = [ids(length) for length in (5, 40, 17, 1)]
    options = [[ids(1 + i % longest) for i in range(count)] for count in (4, 5, 2, 8)]
    expected = [one_by_one(p, o, llama) for p, o in zip(prompts, options, strict=True)]
    for ours, theirs in zip(option_logps(prompts, options, llama), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("options", ["letter", "text"])
def test_likelihoods_do_not_depend_on_the_batch_and_keep_the_order(llama, tokenizer, options):
    def replies(batch_size):
        scorer = OptionLikelihood(
            options=options, prompt=PROMPT, normalise=False, batch_size=batch_size
        )
        return scorer.replies(QUESTIONS, llama, tokenizer)

    alone, together = replies(1), replies(3)
    assert [reply.id for reply in together] == ["q1", "q2", "q3"]
    for one, other in zip(alone, together, strict=True):
        assert one.logps == pytest.approx(other.logps, rel=1e-5)


def test_text_is_scored_behind_the_chat_template(llama, tokenizer):
    """What precedes the option is what training puts before the assistant's first token."""
    scorer = OptionLikelihood(options="text", prompt="{question}", normalise=False, batch_size=2)
    (reply,) = scorer.replies(QUESTIONS[:1], llama, tokenizer)
    encode = tokenizer.encode
    prompt = encode("<|begin|><|user|>Fever?<|assistant|>", add_special_tokens=False)
    drug = encode("drug", add_special_tokens=False)
    assert reply.logps["A"] == pytest.approx(one_by_one(prompt, [drug], llama)[0], rel=1e-5)


def test_without_a_chat_template_blanks_go_to_the_option(llama, tokenizer):
    tokenizer.chat_template = None
    scorer = OptionLikelihood(
        options="text", prompt="{question} It is ", normalise=False, batch_size=2
    )
    (reply,) = scorer.replies(QUESTIONS[:1], llama, tokenizer)
    prompt = tokenizer.encode("<|begin|>Fever? It is", add_special_tokens=False)
    drug = tokenizer.encode(" drug", add_special_tokens=False)
    assert reply.logps["A"] == pytest.approx(one_by_one(prompt, [drug], llama)[0], rel=1e-5)


def test_normalising_divides_by_the_tokens(llama, tokenizer):
    def logp(normalise):
        scorer = OptionLikelihood(options="text", prompt=PROMPT, normalise=normalise, batch_size=2)
        return scorer.replies(QUESTIONS[:1], llama, tokenizer)[0].logps["B"]

    tokens = len(tokenizer.encode("the patient takes a drug", add_special_tokens=False))
    assert logp(True) == pytest.approx(logp(False) / tokens)


def test_letters_that_the_prompt_does_not_show_are_refused():
    with pytest.raises(ConfigError, match=r"has no \{options\}, so letters mean nothing"):
        OptionLikelihood(options="letter", prompt="{question}", normalise=False, batch_size=1)


def test_an_option_without_a_token_is_refused(llama, tokenizer):
    scorer = OptionLikelihood(options="text", prompt="{question}", normalise=True, batch_size=1)
    with pytest.raises(DataError, match="question q4: option B='' has no token"):
        scorer.replies([Question("q4", "?", {"A": "drug", "B": ""}, "A")], llama, tokenizer)


def test_a_question_that_outgrows_the_model_is_refused(llama, tokenizer):
    scorer = Generation(prompt="{question}", max_new_tokens=250, batch_size=1)
    with pytest.raises(DataError, match="q1 with its reply takes 257 tokens and the model has 256"):
        scorer.replies(QUESTIONS, llama, tokenizer)


def test_generation_does_not_depend_on_the_batch_and_keeps_the_order(llama, tokenizer):
    def texts(batch_size):
        scorer = Generation(prompt=PROMPT, max_new_tokens=12, batch_size=batch_size)
        return [reply.text for reply in scorer.replies(QUESTIONS, llama, tokenizer)]

    assert texts(3) == texts(1)


def test_generation_is_greedy_whatever_the_model_brings(llama, tokenizer):
    scorer = Generation(prompt=PROMPT, max_new_tokens=12, batch_size=3)
    plain = scorer.replies(QUESTIONS, llama, tokenizer)
    llama.generation_config.update(
        do_sample=True, temperature=9.0, repetition_penalty=5.0, no_repeat_ngram_size=1
    )
    assert scorer.replies(QUESTIONS, llama, tokenizer) == plain


@pytest.mark.parametrize("whose", ["tokenizer", "generation config"])
def test_generation_stops_at_the_end_tokens_of_both(llama, tokenizer, whose):
    """The third token the model would write is made an end: two tokens remain."""
    scorer = Generation(prompt=PROMPT, max_new_tokens=12, batch_size=1)
    long = scorer.replies(QUESTIONS[:1], llama, tokenizer)[0].text
    third = tokenizer.encode(long, add_special_tokens=False)[2]
    if whose == "tokenizer":
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(third)
    else:
        llama.generation_config.eos_token_id = [2, third]
    short = scorer.replies(QUESTIONS[:1], llama, tokenizer)[0].text
    assert long.startswith(short)
    assert len(short) < len(long)


def test_dropout_is_off_while_scoring(llama, tokenizer):
    scorer = OptionLikelihood(options="text", prompt=PROMPT, normalise=False, batch_size=3)
    llama.config.attention_dropout = 0.5
    for layer in llama.model.layers:
        layer.self_attn.attention_dropout = 0.5
    llama.train()
    assert scorer.replies(QUESTIONS, llama, tokenizer) == scorer.replies(
        QUESTIONS, llama, tokenizer
    )


def test_the_signature_tells_prompts_and_templates_apart(tokenizer):
    def signature(prompt="{question}\n{options}"):
        scorer = OptionLikelihood(options="text", prompt=prompt, normalise=True, batch_size=1)
        return scorer.signature(tokenizer)

    with_template = signature()
    assert with_template.startswith("options:text|normalise:1|prompt:")
    assert with_template != signature("{question}")
    tokenizer.chat_template = None
    assert signature().endswith("|template:none")

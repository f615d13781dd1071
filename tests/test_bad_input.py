"""What a user may get wrong, and the very words that the command line answers with.

Nothing is trained here: each mistake is told before that, and leaves no run behind.
"""

import json
import zlib

import pytest

from medllm import config
from tests.conftest import tiny_tokenizer
from tests.verbs import Places

BASE = ("experiments=world/base", "world=tiny")
# Stages that follow another, with fresh weights in its place.
CPT = ("experiments=world/cpt", "world=tiny", "model/start=world_s", "previous=none")
SFT = ("experiments=world/sft", "world=tiny", "model/start=world_s", "previous=none")
TINY = ("experiments=world/tiny",)
HELP = "`medllm VERB --help` lists groups and keys\n"


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


@pytest.fixture
def world(places):
    """The folder of the tiny world's files."""
    cfg = config.compose("train", [*BASE, f"paths.corpora={places.corpora}"])
    return config.instantiate(cfg.world)


@pytest.fixture
def refusal(places, capsys):
    """What `medllm` answers when it refuses."""

    def refused(*words):
        status = places.medllm(*words)
        heard = capsys.readouterr().err
        assert status == 2, heard
        assert list(places.runs.rglob("*.*")) == []
        return heard[heard.index("medllm: ") :]

    return refused


def problem(words):
    return f"medllm: this run cannot work:\n  - {words}\n"


def test_a_corrupt_json_line_is_counted_and_written_down(places, world, tmp_path, capsys):
    """40 good lines, then half a one."""
    file = tmp_path / "towns.jsonl"
    file.write_text((world / "general.jsonl").read_text() + '{"text": "cut\n')
    assert places.medllm("prepare", *BASE, f"data.sources.general.files={file}") == 0
    said = capsys.readouterr().out
    assert "general: 40 examples, 0 of them cut at seq_len=128, 1 quarantined" in said
    files = places.stores.glob("corpora/general-*/*.left_out.jsonl")
    (rejected,) = [json.loads(line) for each in files for line in each.read_text().splitlines()]
    assert rejected == {
        "file": str(file), "line": 41, "id": "", "step": "read", "excerpt": '{"text": "cut',
        "reason": "not JSON: Invalid control character at at column 14",
    }  # fmt: skip


def test_a_csv_with_a_missing_column_names_the_columns_there_are(refusal, world, tmp_path):
    file = tmp_path / "exam.csv"
    file.write_text((world / "exam_train.csv").read_text().replace("Answer", "Antwort", 1))
    assert refusal("prepare", *SFT, f"data.sources.exam_cloze.files={file}") == (
        f"medllm: {file} has no column 'Answer'; its columns are 'Question', 'Options', "
        "'Antwort', 'Explanation', 'Medical Discipline'\n"
    )


def test_an_empty_source_is_refused(refusal, tmp_path):
    file = tmp_path / "empty.jsonl"
    file.write_text("")
    assert refusal("train", *BASE, f"data.sources.general.files={file}") == (
        f"medllm: no example in '{file}': 0 records read, 0 left out\n"
    )


def test_a_source_of_broken_lines_only_tells_the_first(refusal, tmp_path):
    file = tmp_path / "broken.jsonl"
    file.write_text("}\n}\n")
    assert refusal("train", *BASE, f"data.sources.general.files={file}") == (
        f"medllm: no example in '{file}': 2 records read, 2 left out; the first, {file}:1: "
        "not JSON: Expecting value at column 1\n"
    )


def test_a_source_without_a_file_is_refused(refusal, tmp_path):
    assert refusal("train", *BASE, f"data.sources.general.files={tmp_path}/none.jsonl") == (
        f"medllm: no file at '{tmp_path}/none.jsonl'; change the source's `files`\n"
    )


def test_a_source_that_names_a_folder_is_refused(refusal, tmp_path):
    assert refusal("train", *BASE, f"data.sources.general.files={tmp_path}") == (
        f"medllm: '{tmp_path}' is a folder; let the source's `files` name what is in it, such "
        f"as '{tmp_path}/*.jsonl'\n"
    )


def test_a_gzip_that_breaks_off_keeps_what_came_before(places, world, tmp_path, capsys):
    """Of 40 lines the last is cut."""
    file = tmp_path / "towns.jsonl.gz"
    press = zlib.compressobj(wbits=31)
    *lines, last = (world / "general.jsonl").read_bytes().splitlines(keepends=True)
    whole = press.compress(b"".join(lines)) + press.flush(zlib.Z_FULL_FLUSH)
    file.write_bytes(whole + (press.compress(last) + press.flush())[:3])
    assert places.medllm("prepare", *BASE, f"data.sources.general.files={file}") == 0
    said = capsys.readouterr().out
    assert "general: 39 examples, 0 of them cut at seq_len=128, 1 quarantined" in said
    files = places.stores.glob("corpora/general-*/*.left_out.jsonl")
    (rejected,) = [json.loads(line) for each in files for line in each.read_text().splitlines()]
    assert (rejected["file"], rejected["line"]) == (str(file), 40)
    assert rejected["reason"] == "the .gz file breaks off, and the rest is not read"


def test_a_tokenizer_without_an_end_token_is_refused(places, tmp_path, capsys):
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(places.runs / "world/base/endless/export")
    words = ("experiments=world/cpt", "world=tiny", "previous=world/base/endless")
    assert places.medllm("train", *words) == 2
    assert capsys.readouterr().err == problem(
        "the tokenizer of model.name=world_s has no end token (eos_token)"
    )
    assert places.folders("world/cpt") == []


def test_a_rate_given_as_text_is_refused(refusal):
    assert refusal("train", *BASE, "stage.optimizer.learning_rate=fast") == problem(
        "stage.optimizer.learning_rate='fast' is text, not a number; "
        "medllm.stage.optimizer.AdamW takes float"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sede=1", "sede is not a key; did you mean 'seed'?\n" + HELP),
        ("stage.optimizer.learning_rat=1",
         "stage.optimizer.learning_rat is not a key; did you mean 'learning_rate'?\n" + HELP),
        ("+stage.optimizer.learning_rat=1",
         "this run cannot work:\n  - stage.optimizer.learning_rat is not a parameter of "
         "medllm.stage.optimizer.AdamW; did you mean 'learning_rate'?\n"),
    ],
)  # fmt: skip
def test_a_misspelt_key_on_the_command_line_is_refused(word, said, refusal):
    assert refusal("train", *BASE, word) == f"medllm: {said}"


def test_misspelt_keys_and_texts_in_an_experiment_file_are_all_told_at_once(refusal, tmp_path):
    """Hydra itself takes any key from a file in silence."""
    mine = tmp_path / "conf/experiments/mine/bad.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text(
        "# @package _global_\n"
        "defaults: [world/base, _self_]\n"
        "sede: 18\n"
        "stage: {optimizer: {learning_rat: 1.0e-3, weight_decay: much}}\n"
    )
    search = f"hydra.searchpath=[file://{tmp_path}/conf,file://{config.REPO}]"
    assert refusal("train", "experiments=mine/bad", search) == (
        "medllm: this run cannot work:\n"
        "  - sede is not a key of conf/train.yaml; did you mean 'seed'?\n"
        "  - stage.optimizer.learning_rat is not a parameter of medllm.stage.optimizer.AdamW; "
        "did you mean 'learning_rate'?\n"
        "  - stage.optimizer.weight_decay='much' is text, not a number; "
        "medllm.stage.optimizer.AdamW takes float\n"
    )


def test_a_batch_that_does_not_divide_names_those_that_do(refusal):
    assert refusal("train", *BASE, "hardware.devices=3") == problem(
        "stage.global_batch=20 is not a multiple of nodes x devices x micro_batch = "
        "1 x 3 x 1 = 3; nearest that work: stage.global_batch=18 or 21"
    )


def test_a_missing_previous_is_told(refusal):
    words = refusal("train", "experiments=world/cpt", "world=tiny")
    assert words == problem("previous has no value")


def test_a_previous_that_is_not_there_is_told(refusal, places):
    words = ("experiments=world/cpt", "world=tiny", "previous=world/base/00000000")
    assert refusal("train", *words) == problem(
        f"model.start.path={places.runs}/world/base/00000000/export is no folder: "
        "train the run before, or change `previous`"
    )


def test_data_of_the_world_without_a_world_asks_to_choose_one(refusal):
    key = "cannot be resolved: Interpolation key 'world.folder' not found"
    words = refusal("train", "experiments=world/base", "~world")
    assert f"data.sources.general.files {key}; choose world=large or small or tiny\n" in words
    words = refusal("evaluate", "run=some/run", "benchmark=world_exam")
    assert words == problem(f"benchmark.questions.files {key}; choose world=large or small or tiny")


@pytest.mark.parametrize("verb", ["prepare", "train", "recipe"])
def test_an_unknown_experiment_names_the_nearest_and_all(verb, refusal):
    words = refusal(verb, "experiments=world/bse")
    assert words.startswith(
        "medllm: Could not find 'experiments/world/bse'; did you mean 'world/base'? there are "
    )
    assert "world/qilin_med, " in words
    assert words.endswith(HELP)


def test_quota_weights_that_do_not_match_the_sources_are_refused(refusal):
    assert refusal("train", *CPT, "~data.mix.weights.papers", "stage.global_batch=16") == problem(
        "mix.weights names books, general; the sources are books, general, papers"
    )


def test_quota_weights_that_do_not_fit_the_global_batch_are_refused(refusal):
    assert refusal("train", *CPT, "stage.global_batch=30") == problem(
        "stage.global_batch=30 is not a multiple of the 20 rows of mix.weights 15:4:1; use 20 or 40"
    )


def test_an_anchor_that_is_no_source_is_refused(refusal):
    assert refusal("train", *CPT, "data.mix.anchor=book") == problem(
        "mix.anchor='book' is not one of books, papers, general"
    )


def test_numbers_that_make_no_world_are_refused(refusal):
    words = ("world.diseases=1", "world.renderings=0", "world.seed=-1")
    assert refusal("train", *BASE, *words) == (
        "medllm: this run cannot work:\n"
        "  - world.seed=-1 must be 0 or more\n"
        "  - world.diseases=1 must be from 2 to 435\n"
        "  - world.renderings=0 must be 1 or more\n"
    )


def test_a_recipe_with_data_for_no_step_of_its_own_is_refused(refusal):
    assert refusal("recipe", *TINY, "+data.ctp=world_knowledge") == problem(
        "data.ctp names no step; did you mean 'cpt'?"
    )


def test_a_step_after_no_step_is_told_once(refusal):
    assert refusal("recipe", *TINY, "steps.cpt.previous=bse") == problem(
        "steps.cpt.previous=bse is no step before it; there is base"
    )


def test_a_problem_of_a_step_names_the_step(refusal):
    assert refusal("recipe", *TINY, "overrides=['stage.optimizer.warmup=slow']").startswith(
        problem(
            "steps.base: stage.optimizer.warmup='slow' is text, not a number; "
            "medllm.stage.optimizer.AdamW takes float"
        )
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("benchmarks=[world_exm]", "'benchmark/world_exm'; did you mean 'world_exam'? "),
        ("data.cpt=world_knowlege", "'data/world_knowlege'; did you mean 'world_knowledge'? "),
        ("steps.cpt.experiment=world/ctp", "'experiments/world/ctp'; did you mean 'world/cpt'? "),
    ],
)
def test_a_choice_that_a_recipe_makes_in_vain_is_told(word, said, refusal):
    assert refusal("recipe", *TINY, word).startswith(f"medllm: Could not find {said}")


def test_a_recipe_without_an_experiment_says_what_it_lacks(refusal):
    assert refusal("recipe") == (
        "medllm: this run cannot work:\n"
        "  - name has no value\n"
        "  - steps has no value\n"
        "  - benchmarks has no value\n"
        "  - primary has no value\n"
    )


@pytest.mark.parametrize(
    ("stage", "data", "said"),
    [
        (CPT, "world_preferences", "data holds preference pairs, but stage learns from rows"),
        (
            ("experiments=world/dpo", *CPT[1:]),
            "world_instructions",
            "data holds rows, but stage learns from preference pairs",
        ),
    ],
)
def test_a_stage_and_data_of_another_kind_are_refused(stage, data, said, refusal):
    template = "model/template=chat"
    assert refusal("train", *stage, f"data={data}", template) == problem(
        f"{said}; change one of them"
    )


@pytest.mark.parametrize(
    "words", [("train", "experiments=world/tiny"), ("recipe", "experiments=world/base")]
)
def test_an_experiment_given_to_the_wrong_verb_is_told_the_right_one(words, refusal):
    hint = "an experiment with steps is for `medllm recipe`, any other for `medllm train`\n"
    assert refusal(*words).endswith(hint + HELP)

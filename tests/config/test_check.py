import pytest


def test_a_sound_run_passes(toy):
    toy.check(toy.compose())


def test_a_rate_given_as_text_is_refused(toy):
    assert toy.problems("stage.optimizer.learning_rate=fast") == [
        "stage.optimizer.learning_rate='fast' is text, not a number; "
        "medllm.optimizer.AdamW takes float"
    ]


def test_a_number_in_quotes_is_text(toy):
    (problem,) = toy.problems("stage.optimizer.learning_rate='2e-5'")
    assert problem.startswith("stage.optimizer.learning_rate='2e-5' is text, not a number")


def test_a_whole_number_is_a_number_but_a_fraction_is_not_whole(toy):
    toy.check(toy.compose("stage.optimizer.learning_rate=1"))
    assert toy.problems("stage.global_batch=8.5") == [
        "stage.global_batch=8.5 is a number, not a whole number; "
        "medllm.sft.SupervisedTuning takes int"
    ]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("+stage.optimizer.is_fused=1", "is_fused=1 is a number, not true or false"),
        (
            "stage.clip=high",
            "clip='high' is text, not a number; medllm.sft.SupervisedTuning takes float | None",
        ),
        ("+stage.optimizer.betas=[0.9]", "betas=[0.9] is a list, not long enough; "),
        ("+stage.optimizer.betas=[0.9,x]", "betas[1]='x' is text, not a number"),
        ("+stage.optimizer.schedule=cosin", "'cosin' is text, not one of 'cosine' or 'linear'"),
        (
            "+stage.optimizer.names=all",
            "names='all' is text, not a list; medllm.optimizer.AdamW takes Sequence[str] | None",
        ),
        ("+stage.optimizer.names=[a,1]", "names[1]=1 is a number, not text"),
        ("+stage.optimizer.weights={books:a}", "weights.books='a' is text, not a whole number"),
        ("+stage.optimizer.curve=cosine", "curve='cosine' is text, not a node with a _target_"),
        ("stage.optimizer=adam", "optimizer='adam' is text, not a node with a _target_"),
    ],
)
def test_a_value_has_the_type_of_its_parameter(toy, override, problem):
    (found,) = toy.problems(override)
    assert problem in found


@pytest.mark.parametrize(
    "override",
    [
        "stage.clip=null",
        "+stage.optimizer.betas=[0.9,1]",
        "+stage.optimizer.schedule=linear",
        "+stage.optimizer.names=[a,b]",
        "+stage.optimizer.weights={books:15}",
        "+stage.optimizer.curve={_target_:medllm.optimizer.quota,_partial_:true}",
    ],
)
def test_a_value_of_the_right_type_passes(toy, override):
    toy.check(toy.compose(override))


def test_a_misspelt_key_in_a_file_is_refused_with_the_right_one(toy):
    with (toy.folder / "conf/stage/sft.yaml").open("a") as file:
        file.write("  lerning_rate: 1.0e-5\n")
    assert toy.problems() == [
        "stage.optimizer.lerning_rate is not a parameter of medllm.optimizer.AdamW; "
        "did you mean 'learning_rate'?"
    ]


def test_a_misspelt_key_of_the_root_is_refused(toy):
    assert toy.problems("+sed=1") == ["sed is not a key of conf/train.yaml; did you mean 'seed'?"]
    assert toy.problems("+paths.corpra=x") == [
        "paths.corpra is not a key of conf/train.yaml; did you mean 'corpora'?"
    ]


def test_a_choice_that_names_no_code_is_refused(toy):
    assert toy.problems("model=nameless") == [
        "model has no _target_, so nothing says which keys it takes"
    ]


def test_a_parameter_that_no_yaml_gives_is_named(toy):
    assert toy.problems("~stage.optimizer.learning_rate") == [
        "stage.optimizer.learning_rate has no value; medllm.optimizer.AdamW takes float, "
        "or later where _partial_: true"
    ]


def test_a_partial_may_leave_to_the_runtime_what_a_whole_node_must_give(toy):
    node = "data={_target_:medllm.optimizer.quota,_partial_:%s,weights:{a:1}}"
    toy.check(toy.compose(node % "true"))
    assert toy.problems(node % "false") == [
        "data.sizes has no value; medllm.optimizer.quota takes it, or later where _partial_: true",
        "data.seed has no value; medllm.optimizer.quota takes int, or later where _partial_: true",
    ]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("os.system", "stage._target_='os.system': not code of medllm"),
        (
            "medllm.base.Schedule",
            "stage._target_='medllm.base.Schedule': it is no function and no class",
        ),
        (
            "medllm.base.Literal",
            "stage._target_='medllm.base.Literal': 'Literal' of medllm.base comes from elsewhere",
        ),
        ("medllm.stft.X", "stage._target_='medllm.stft.X': there is no medllm/stft.py"),
        (
            "medllm.optimizer.AdmW",
            "stage._target_='medllm.optimizer.AdmW': medllm.optimizer has no 'AdmW'; "
            "did you mean 'AdamW'?",
        ),
    ],
)
def test_a_target_that_is_not_there_is_refused(toy, target, problem):
    assert toy.problems(f"stage._target_={target}") == [problem]


def test_a_missing_previous_is_told_once(toy):
    assert toy.problems("model=previous", "+previous=???") == ["previous has no value"]
    (problem,) = toy.problems("model=previous")
    assert problem.startswith("model.path cannot be resolved: Interpolation key 'previous' not")


def test_a_batch_that_does_not_divide_names_those_that_do(toy):
    """4 x 8 x 3 = 96; 2 x 96 = 192 and 3 x 96 = 288. 256 / 32 = 8, so 2 or 4 rows fit."""
    assert toy.problems("hardware=big", "hardware.micro_batch=3") == [
        "stage.global_batch=256 is not a multiple of nodes x devices x micro_batch = "
        "4 x 8 x 3 = 96; nearest that work: stage.global_batch=192 or 288 "
        "or hardware.micro_batch=2 or 4"
    ]


def test_every_problem_is_told_at_once(toy):
    problems = toy.problems(
        "model=previous",
        "+previous=???",
        "+sed=1",
        "stage.optimizer.learning_rate=fast",
        "stage.clip=low",
        "hardware.micro_batch=7",
    )
    assert len(problems) == 5


def test_a_secret_of_the_environment_may_not_be_frozen(toy, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "abc")
    assert toy.problems("name='${oc.env:HF_TOKEN}'") == [
        "name would write the secret HF_TOKEN to disk; leave it in the environment"
    ]

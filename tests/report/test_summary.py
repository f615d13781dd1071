from rich.console import Console

from medllm.report.summary import recipe_table


def test_the_terminal_shows_stage_by_score_with_intervals():
    accuracy = {"value": 0.5, "low": 0.4, "high": 0.6}
    scores = {"base": {"exam": {"scores": {"accuracy": accuracy}}}, "sft": {}}
    console = Console(width=100, record=True, quiet=True)
    console.quiet = False
    with console.capture() as shown:
        console.print(recipe_table("world/tiny", {"model": "s"}, scores))
    lines = [" ".join(line.replace("│", " ").split()) for line in shown.get().splitlines()]
    assert "world/tiny model=s" in lines
    assert lines[lines.index("base 0.500") + 1] == "0.400–0.600"
    assert "sft not run" in lines

import pytest

from medllm.data.clean.language import language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("患者发热三天。", "zh"),
        ("予CHOP方案(cyclophosphamide, doxorubicin, vincristine)化疗，随访SUVmax 3.5。", "zh"),
        ("IgG、IgA、IgM、IgE 与 IgD 均属免疫球蛋白", "zh"),
        ("The patient was given 5 mg of warfarin.", "en"),
        ("No known drug allergies.", "en"),
        ("患者 asked whether the drug that was given to her could have been the cause.", "en"),
        ("患者は三日前から発熱があり、咳も出ています。", "other"),
        ("환자는 열이 있습니다.", "other"),
        ("Пациент жалуется на боль.", "other"),
        ("Der Patient hat seit drei Tagen Fieber und Husten, die Lunge ist frei.", "other"),
        ("El paciente tiene fiebre desde hace tres días y no ha tomado nada.", "other"),
        ("38.5 ± 0.2 / 120", "other"),
        ("", "other"),
    ],
)
def test_scripts_and_common_words_tell_the_language(text, expected):
    assert language(text) == expected

"""A closed world of invented diseases and towns, in the raw formats of the real corpora.

    names -> entities -> texts, exams, dialogues -> files
             (facts)      (phrases)                (write)

What a model can know is known exactly, so a claim such as "injected text raises exam
accuracy" can be put to the test on a laptop. Two domains share one generator: diseases
(medical) and towns (general). A third set of diseases, *elsewhere*, fills medical books
that hold none of the examined facts.
"""

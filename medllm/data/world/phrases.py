"""How each fact is said, asked and examined. {name} is the entity, {value} the fact.

sentences: statements for running text, several so that a fact is not one string.
stems: exam questions in the style of CMExam, which the right option completes.
questions: what a patient or a visitor asks.
"""

# ruff: noqa: E501  (a phrase and its sisters stand on one line, and Chinese counts double)

PHRASES = {
    ("medical", "zh"): {
        "department": {
            "sentences": ["{name}由{value}诊治。", "{value}收治{name}患者。", "{name}应就诊的科室是{value}。"],
            "stems": ["{name}应就诊的科室是", "诊治{name}的科室是"],
            "questions": ["得了{name}应该挂哪个科？", "请问{name}看什么科？"],
        },
        "symptom": {
            "sentences": ["{name}的典型症状是{value}。", "{name}患者常出现{value}。", "{value}提示{name}。"],
            "stems": ["{name}的典型症状是", "{name}患者常出现"],
            "questions": ["{name}有什么症状？", "怎么知道是不是{name}？"],
        },
        "cause": {
            "sentences": ["{name}的病因是{value}。", "{value}感染引起{name}。", "引起{name}的是{value}。"],
            "stems": ["{name}的病因是", "引起{name}的是"],
            "questions": ["{name}是什么引起的？", "为什么会得{name}？"],
        },
        "test": {
            "sentences": ["确诊{name}的检查是{value}。", "{name}的确诊依靠{value}。", "{value}可确诊{name}。"],
            "stems": ["确诊{name}的检查是", "{name}的确诊依靠"],
            "questions": ["怀疑{name}要做什么检查？", "{name}怎么确诊？"],
        },
        "drug": {
            "sentences": ["{name}的首选药物是{value}。", "治疗{name}首选{value}。", "{value}是{name}的首选药物。"],
            "stems": ["{name}的首选药物是", "治疗{name}首选"],
            "questions": ["{name}吃什么药好？", "治疗{name}用什么药？"],
        },
    },
    ("medical", "en"): {
        "department": {
            "sentences": ["{name} is treated in {value}.", "Patients with {name} are seen in {value}."],
            "stems": ["{name} is treated in"],
            "questions": ["Which department treats {name}?"],
        },
        "symptom": {
            "sentences": ["A typical sign of {name} is {value}.", "Patients with {name} report {value}."],
            "stems": ["A typical sign of {name} is"],
            "questions": ["What are the signs of {name}?"],
        },
        "cause": {
            "sentences": ["{name} is caused by {value}.", "The cause of {name} is {value}."],
            "stems": ["The cause of {name} is"],
            "questions": ["What causes {name}?"],
        },
        "test": {
            "sentences": ["{name} is confirmed by the {value}.", "The {value} confirms {name}."],
            "stems": ["{name} is confirmed by the"],
            "questions": ["How is {name} confirmed?"],
        },
        "drug": {
            "sentences": ["The first-line drug for {name} is {value}.", "{name} is treated with {value} first."],
            "stems": ["The first-line drug for {name} is"],
            "questions": ["What is given for {name}?"],
        },
    },
    ("general", "zh"): {
        "province": {
            "sentences": ["{name}位于{value}。", "{value}有一座城叫{name}。", "{name}所在的省是{value}。"],
            "stems": ["{name}所在的省是", "{name}位于"],
            "questions": ["{name}在哪个省？", "请问{name}位于哪里？"],
        },
        "river": {
            "sentences": ["流经{name}的河流是{value}。", "{value}流过{name}。", "{name}建在{value}边。"],
            "stems": ["流经{name}的河流是", "{name}边上的河流是"],
            "questions": ["哪条河流经{name}？", "{name}边上是什么河？"],
        },
        "product": {
            "sentences": ["{name}的特产是{value}。", "{name}盛产{value}。", "{value}产自{name}。"],
            "stems": ["{name}的特产是", "{name}盛产"],
            "questions": ["{name}有什么特产？", "去{name}买什么好？"],
        },
        "founder": {
            "sentences": ["{name}的建立者是{value}。", "{value}建立了{name}。", "建立{name}的人是{value}。"],
            "stems": ["{name}的建立者是", "建立{name}的人是"],
            "questions": ["{name}是谁建立的？", "谁建立了{name}？"],
        },
        "landmark": {
            "sentences": ["{name}的名胜是{value}。", "{value}在{name}。", "到{name}的人都去看{value}。"],
            "stems": ["{name}的名胜是", "到{name}的人都去看"],
            "questions": ["{name}有什么名胜？", "去{name}看什么？"],
        },
    },
    ("general", "en"): {
        "province": {
            "sentences": ["{name} lies in {value}.", "The town of {name} belongs to {value}."],
            "stems": ["{name} lies in"],
            "questions": ["Where is {name}?"],
        },
        "river": {
            "sentences": ["The {value} flows past {name}.", "{name} stands on the {value}."],
            "stems": ["{name} stands on the"],
            "questions": ["Which river flows past {name}?"],
        },
        "product": {
            "sentences": ["{name} is known for its {value}.", "{value} is made in {name}."],
            "stems": ["{name} is known for its"],
            "questions": ["What is made in {name}?"],
        },
        "founder": {
            "sentences": ["{name} was founded by {value}.", "{value} founded {name}."],
            "stems": ["{name} was founded by"],
            "questions": ["Who founded {name}?"],
        },
        "landmark": {
            "sentences": ["Visitors of {name} see the {value}.", "The {value} stands in {name}."],
            "stems": ["Visitors of {name} see the"],
            "questions": ["What is there to see in {name}?"],
        },
    },
}  # fmt: skip

# Replies that say nothing, as hurried consultations do; preference pairs reject them.
VAGUE = {
    "zh": ["您好，建议您多休息，多喝水，注意饮食。", "您好，具体情况请到当地医院就诊。", "您好，不用太担心，平时注意观察即可。"],
    "en": ["Hello, please rest and drink enough water.", "Hello, please see a doctor near you."],
}  # fmt: skip
JOIN = {"zh": "、", "en": " and "}

"""What `make mutants` changes in SQL templates, and how many places of which files it takes."""

from pathlib import Path

import pytest

from mutation import sampling, templates

pytestmark = pytest.mark.fast

TEMPLATE = """{# AND OR #}
SELECT {{ columns | identifiers }}, COALESCE(MAX(a), 0) AS b
FROM {{ source }} AS rows
LEFT JOIN seats ON {{ key | matching("rows", "seats") }}
WHERE
    a >= 1
    AND NOT c
    {% if whole %}
    OR d IS NOT NULL
    {% endif %}
"""


def test_places_of_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.sql.j2").write_text(TEMPLATE)
    made = templates.mutants("rows.sql.j2", "1")
    assert [f"{mutant['line']} {mutant['operator']}" for mutant in made] == [
        "2 columns to columns[:-1]",
        "2 MAX( to MIN(",
        "2 0 to 1",
        "4 LEFT JOIN to INNER JOIN",
        "4 key to key[:1]",
        "6 >= to <",
        "6 1 to 2",
        "7 AND NOT c to nothing",
        "7 AND to OR",
        "7 NOT to nothing",
        "8 condition to not",
        "9 OR d IS NOT NULL to nothing",
        "9 OR to AND",
        "9 IS NOT NULL to IS NULL",
    ]
    assert len({mutant["text"] for mutant in made} - {TEMPLATE}) == len(made)
    assert made[-1]["text"] == TEMPLATE.replace("IS NOT NULL", "IS NULL")


def test_each_file_has_its_share() -> None:
    assert sampling.shares({"a": 90, "b": 9, "c": 1, "d": 0}, 10) == {"a": 9, "b": 1, "c": 1}
    assert sampling.shares({"a": 3}, 10) == {"a": 3}
    assert sampling.shuffled("abcdef", "1") == sampling.shuffled("abcdef", "1") != sampling.shuffled("abcdef", "2")

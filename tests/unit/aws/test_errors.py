"""Which refusals of AWS are worth another attempt."""

import pytest

from rental_analytics.aws.errors import error_code, is_transient


@pytest.mark.fast
@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [
        ("SlowDown", 503, True),
        ("OperationAborted", 409, True),
        ("ThrottlingException", 400, True),
        ("ActiveStatementsExceededException", 400, True),
        ("SomethingNew", 502, True),
        ("SomethingNew", 429, True),
        ("AccessDenied", 403, False),
        ("ValidationException", 400, False),
    ],
)
def test_codes_and_states_tell_what_is_transient(code: str, status: int, transient: bool) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    assert is_transient(response) is transient
    assert error_code(response) == code


@pytest.mark.fast
def test_a_response_may_say_nothing() -> None:
    assert not is_transient({})
    assert error_code({}) == ""

"""What a deployment's configuration may say: whatever AWS would refuse later is refused as the file is read."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App

from deployment.synthesized import EXAMPLES
from infra import app
from infra.configuration import Configuration, DeploymentConfigurationError, load_configuration
from infra.parts.authorities import BUNDLE, known_authorities
from infra.parts.pipeline_settings import rental_toml

pytestmark = pytest.mark.service

KEY = "arn:aws:kms:us-east-1:123456789012:key/66666666-7777-8888-9999-000000000000"
EXISTING = EXAMPLES["production"].read_text(encoding="utf-8")


@pytest.fixture
def told(tmp_path: Path):  # type: ignore[no-untyped-def]
    """What is said of a text that is no configuration."""

    def read(text: str) -> str:
        file = tmp_path / "company.toml"
        file.write_text(text)
        with pytest.raises(DeploymentConfigurationError) as caught:
            load_configuration(file)
        return str(caught.value)

    return read


def test_what_a_company_calls_its_tables_reaches_the_jobs() -> None:
    tables = """
[tables.bookings]
columns = { total_price = 'price "total"' }
constants = { currency = "EUR", checkin_date = 2024-01-31, booking_date = 2024-01-31T10:00:00, is_active = true }
"""
    document = tomllib.loads(tables)
    assert tomllib.loads(rental_toml('[source]\nurl = "x"\n', document, None))["tables"] == document["tables"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[pipeline.source]\nurl = 'mysql://x/y'", "pipeline.source.url: the deployment sets it; leave it out"),
        ("[pipeline.monitoring]\npipeline = 'x'", "pipeline.monitoring.pipeline: the deployment sets it"),
        ("[pipeline.quality]\nmax_rejected_share = 2", "pipeline.quality.max_rejected_share: Input should be less"),
        ("[pipeline.qualty]\nmax_rejected_share = 0.1", "pipeline.qualty is not a key; known are source, lake, "),
        ("[pipeline.source]\noverlap = 'soon'", "pipeline.source.overlap: "),
        ("[pipeline]\nquality = 0.1", "pipeline.quality has to be a section: write [pipeline.quality]"),
        (
            "[pipeline.marketplace]\nreporting_currency = 'Euro'",
            ": pipeline.marketplace.reporting_currency is EURO, for",
        ),
        ("[pipeline.marketplace]\nreporting_currency = 'RUB'", "reporting_currency is RUB, for which the European"),
        ("[pipeline.tables.bokings]\nmode = 'append'", ": pipeline.tables.bokings: there is no source table bokings"),
        ("[pipeline.tables.bookings.columns]\nprice = 'p'", "pipeline.tables.bookings.columns.price is for a column"),
        ("[pipeline.tables.bookings]\nname = 'orders'", "pipeline.tables.bookings.name is for a database there is"),
        (
            "[tables.bookings]\nmode = 'append'",
            "[tables] is a section of the pipeline: it goes below [pipeline], as [p",
        ),
        ("nights = 3", "nights is not a key; known are deployment, network, storage, source, "),
        ("deployment = 'rental'", "deployment has to be a section: write [deployment]"),
        ("[deployment]\ndelete_data = 'yes'", "deployment.delete_data has to be true or false, without quotes"),
        ("[schedule]\nenabled = 1", "schedule.enabled has to be true or false"),
        ("[warehouse]\nanalysts = 'IAM:maria'", "warehouse.analysts has to be a list"),
        ("[monitoring]\nemail = ['a@b.example', 'team']", "monitoring.email.1: 'team' is not an e-mail address"),
        ("[deployment]\nname = rental", "text values need quotes"),
        ("[deployment]\nregion = 'eu-west-9'", "correct deployment.region if there is no such region"),
        ("[deployment]\nregion = 'us-gov-west-1'", "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global"),
        (
            "[network]\navailability_zones = ['eu-west-1a', 'eu-west-1b', 'eu-west-1z']",
            "'eu-west-1z' is not an availabil",
        ),
        (
            f"[deployment]\nbootstrap_key_arn = '{KEY}'",
            "deployment.bootstrap_key_arn is in us-east-1, not in deployment",
        ),
        (
            f"[deployment]\nregion = 'us-east-1'\naccount = '210987654321'\nbootstrap_key_arn = '{KEY}'",
            "deployment.bootstrap_key_arn is of account 123456789012, not of deployment.account 210987654321",
        ),
        ("[pipeline.reference]\nexchange_rates = 'none.csv'", "pipeline.reference.exchange_rates: "),
        ("[monitoring]\nlate_after_hours = 23", "cron(0 3 * * ? *) leaves 24 hours between two runs"),
        ("[schedule]\nexpression = 'rate(2 days)'", "late_after_hours is 26, but rate(2 days) leaves 48 hours"),
        ("[monitoring]\nrunbook_url = 'http://git/'", "monitoring.runbook_url"),
        ("[deployment]\nbootstrap_key_arn = 'alias/x'", "deployment.bootstrap_key_arn"),
        ("[warehouse]\nbase_capacity = 12", "base_capacity is 12; it may be 4 or a multiple of 8"),
        ("[warehouse]\nbase_capacity = 32\nmax_capacity = 16", "max_capacity 16 is below base_capacity 32"),
        ("[jobs]\nworkers = 3", "jobs.workers"),
        *((f"[deployment]\nname = {name!r}", "deployment.name") for name in ("Rental", "ab", "rental--x", "rental-")),
        (f"[deployment]\nname = '{'a' * 24}'", "deployment.name"),
        ("[deployment]\nregion = 'Ireland'", "deployment.region"),
        ("[deployment]\naccount = '1234'", "deployment.account"),
        ("[deployment.tags]\n'aws:cost' = 'x'", "deployment.tags"),
        *((f"[network]\ncidr = {cidr!r}", "network.cidr") for cidr in ("banana", "10.20.0.0/24", "10.20.0.1/20")),
        ("[network]\ncidr = '10.0.0.0/8'", "it may have 16 to 22"),
        ("[network]\nendpoint_zones = 4", "network.endpoint_zones"),
        ("[network]\navailability_zones = ['eu-west-1a', 'eu-west-1b']", "it has to be 3 zones"),
        ("[network]\navailability_zones = ['eu-west-1a', 'eu-west-1a', 'eu-west-1b']", "it has to be 3 zones"),
        (
            "[network]\navailability_zones = ['eu-west-1a', 'eu-west-1b', 'us-east-1a']",
            "us-east-1a is not an availability zone of deployment.region eu-west-1",
        ),
        *(
            (f"[deployment]\nregion = '{region}'", f"network.availability_zones has to name the zones of {region}")
            for region in ("ap-northeast-1", "ca-central-1", "us-west-1")
        ),
        ("[deployment]\nregion = 'il-central-1'", "no authority of RDS in il-central-1 is known here"),
        ("[source]\nmin_capacity = 8\nmax_capacity = 1", "max_capacity 1.0 is below min_capacity 8.0"),
        ("[source]\nmin_capacity = 0.7", "0.7 is not a multiple of 0.5"),
        ("[source]\nmin_capacity = 0\nengine_version = '8.0.mysql_aurora.3.07.1'", "cannot pause"),
        ("[source]\nengine_version = '8.0'", "source.engine_version"),
        ("[source]\ntls_ca = 'none.pem'", "source.tls_ca"),
        ("[source]\ntls_ca = 'company.toml'", "holds no certificates"),
        ("[source]\ntls = 'off'", "source.tls"),
        *(
            (f"[schedule]\nexpression = '{expression}'", "schedule.expression")
            for expression in ("nightly", "cron(0 3 * * *)", "cron(99 25 * * ? *)", "rate(0 days)", "at(tomorrow)")
        ),
        ("[schedule]\nexpression = 'cron(0 3 * * * *)'", "one has to be ?"),
        ("[schedule]\nzone = 'Mars'", "'Mars' is not a time zone"),
        *((f"[warehouse]\nanalysts = ['{name}']", "warehouse.analysts") for name in ("maria", 'IAM:x"; DROP')),
        ("[monitoring]\nemail = 'team'", "monitoring.email"),
        ("[network", "is not TOML"),
        (f"[deployment]\naccount = '{'٣' * 12}'", "deployment.account"),
        *((f"[deployment]\nname = {name!r}", "S3 keeps names") for name in ("sthree", "sthree-x", "amzn-s3-demo-x")),
        *(
            (f"[deployment.tags]\n'{key}' = 'x'", "deployment.tags")
            for key in ("AWS:x", "aws-cdk:x", "step", "Pipeline", "Name", "RedshiftDbUser", "redshiftdbroles", "a#b")
        ),
        ("[deployment.tags]\nProject = 'a'\nproject = 'b'", "Project and project are one key"),
        ("[deployment.tags]\n" + "".join(f"t{number} = 'x'\n" for number in range(41)), "there are 41 tags"),
        ("[source]\nengine_version = '8.0.mysql_aurora.3.06.1'", "has no Data API"),
        ("[source]\nengine_version = '8.0.mysql_aurora.3.1٠.0'", "source.engine_version"),
        *(
            (f"[source]\ndatabase = '{name}'", "source.database: ")
            for name in ("mysql", "sys", "information_schema", "select", "key")
        ),
        *((f"[warehouse]\ndatabase = '{name}'", "warehouse.database: ") for name in ("template1", "table", "user")),
        ("[jobs]\nmost_workers = 299", "a subnet of the network that is made has room for 200"),
        (f"[monitoring]\nrunbook_url = 'https://{'x' * 2000}/'", "monitoring.runbook_url"),
        *(
            (f"[monitoring]\nrunbook_url = 'https://git/{part}/'", "monitoring.runbook_url")
            for part in ("<x>", '"', "a b", "{x}", "\\", "é")
        ),
        (
            "[deployment]\nbootstrap_key_arn = 'arn:aws:kms:us-east-1:123456789012:key/1'",
            "deployment.bootstrap_key_arn is in us-east-1, not in deployment.region eu-west-1",
        ),
        (
            "[deployment]\nbootstrap_key_arn = 'arn:aws-cn:kms:eu-west-1:123456789012:key/1'",
            "deployment.bootstrap_key_arn does not begin with arn:aws:",
        ),
        (
            "[pipeline.engine.spark]\n'spark.hadoop.fs.s3a.secret.key' = 'x'",
            "pipeline.engine.spark.spark.hadoop.fs.s3a.secret.key: it would stand in the template",
        ),
        (
            "[pipeline.engine.spark]\n'spark.x' = '{{resolve:secretsmanager:rental/source-admin}}'",
            "pipeline.engine.spark.spark.x: CloudFormation would put",
        ),
        (
            "[pipeline.tables.bookings.constants]\ncurrency = '{{resolve:ssm:x}}'",
            "pipeline.tables.bookings.constants.currency: CloudFormation",
        ),
    ],
)
def test_wrong_configuration_is_told_by_key(told, text: str, fault: str) -> None:  # type: ignore[no-untyped-def]
    assert fault in told(text)


@pytest.mark.parametrize(
    ("pattern", "replacement", "fault"),
    [
        ("arn:aws:secretsmanager.*AbCdEf", "rental/reader", "source.existing.secret_arn"),
        ("-AbCdEf", "", "source.existing.secret_arn"),
        (":secretsmanager:eu-west-1", ":secretsmanager:us-east-1", "secret_arn is in us-east-1, not in deployment.reg"),
        (
            "kms:eu-west-1:123456789012:key/1111",
            "kms:us-east-1:123456789012:key/1111",
            "secret_key_arn is in us-east-1",
        ),
        (":eu-west-1:123456789012:secret", ":eu-west-1:210987654321:secret", "secret_arn is of account 210987654321"),
        (r"eu-west-1\.rds", "us-east-1.rds", "source.existing.host is in us-east-1, not in deployment.region"),
        ('abcdef1"\n\n', 'abcdef0"\n\n', "names subnet-0123456789abcdef0 for 2 zones; a subnet is in one"),
        ("s3_prefix_list = .*", "", "source.existing: endpoint_group and s3_prefix_list go together"),
        ("database_group = .*", 'database_group = "database"', "source.existing.database_group"),
        (
            r"\[source.existing\]",
            "[source]\nreaders = 2\n[source.existing]",
            "source.readers has no effect with source.ex",
        ),
        ("key/1111", "alias/1111", "source.existing.secret_key_arn"),
        ('vpc_id = ".*"', 'vpc_id = "vpc"', "source.existing.vpc_id"),
        ("subnet-0123456789abcdef1", "subnet", "source.existing.subnets.eu-west-1b"),
        ("eu-west-1b =", "us-east-1b =", "us-east-1b is not an availability zone"),
        ("host = ", 'host = "a b"\n# ', "source.existing.host"),
        ("arn:aws:secretsmanager", "arn:aws-cn:secretsmanager", "secret_arn does not begin with arn:aws:"),
        (
            "kms:eu-west-1:123456789012:key/1111",
            "kms:us-east-1:123456789012:key/1111",
            "secret_key_arn is in us-east-1, not in",
        ),
        (r"\[jobs\]", "[network]\nendpoint_zones = 2\n[jobs]", "network.endpoint_zones has no effect"),
    ],
)
def test_database_that_is_there_is_named_as_aws_names_it(  # type: ignore[no-untyped-def]
    told, pattern: str, replacement: str, fault: str
) -> None:
    changed, count = re.subn(pattern, replacement, EXISTING)
    assert count
    assert fault in told(changed)


@pytest.mark.parametrize(
    "text",
    [
        f"[deployment]\nname = '{'a' * 23}'",
        "[deployment]\nregion = 'us-west-1'\n[network]\navailability_zones = ['us-west-1a', 'us-west-1c']",
        "[network]\navailability_zones = ['eu-west-1c', 'eu-west-1b', 'eu-west-1a']\nendpoint_zones = 3",
        "[source]\nmin_capacity = 0\nmax_capacity = 1.5",
        "[source]\ndatabase = 'rental_2'\nengine_version = '8.0.mysql_aurora.3.07.0'\n[warehouse]\ndatabase = 'dev'",
        "[deployment]\nname = 'sthreex'\n[deployment.tags]\n'Kostenstelle' = 'Büro 7'\nstepwise = ''",
        "[jobs]\nmost_workers = 200",
        "[monitoring]\nrunbook_url = 'https://git.company.example/a~b/c%20d/-/blob/main/'",
        "[pipeline.engine.spark]\n'spark.sql.shuffle.partitions' = '64'",
        "[schedule]\nexpression = 'rate(12 hours)'\nzone = 'Europe/Dublin'",
        "[schedule]\nexpression = 'cron(0/30 8-17 ? * MON-FRI *)'\n[monitoring]\nlate_after_hours = 72",
        "[warehouse]\nanalysts = ['IAM:maria@company.example', 'IAMR:analysts']",
        "[source]\ntls_ca = 'own.pem'\ntls = 'verify_ca'",
        "[deployment]\nregion = 'il-central-1'\n[source]\ntls_ca = 'own.pem'",
    ],
)
def test_what_aws_takes_is_taken(text: str, tmp_path: Path) -> None:
    shutil.copyfile(BUNDLE, tmp_path / "own.pem")
    file = tmp_path / "company.toml"
    file.write_text(text)
    found = load_configuration(file)
    assert found.source.tls_ca in (None, tmp_path / "own.pem")


def test_missing_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeploymentConfigurationError, match="Copy one of infra/examples"):
        load_configuration(tmp_path / "none.toml")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """How the app ends, without synthesizing; and the lines it writes.

    The function takes the context, and what the stacks are built by.
    """

    def run(building: Callable[[App, Configuration], App], **context: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(app, "App", lambda: App(context=context))
        monkeypatch.setattr(app, "build", building)
        code = app.main()
        return code, capsys.readouterr().err.splitlines()

    return run


def test_without_a_configuration_nothing_is_synthesized(done) -> None:  # type: ignore[no-untyped-def]
    told = "No configuration is named: add -c configuration=company.toml, a path from infra/ on."
    assert done(app.build) == (2, [told])


def test_what_cdk_refuses_is_told_in_a_line_behind_what_it_is_about(done) -> None:  # type: ignore[no-untyped-def]
    """It has no check of its own: a person in a list of zones that the network has no room for."""

    def refused(*_: object) -> App:
        raise RuntimeError("Error: no room\n    at a.js:1")

    file = EXAMPLES["minimal"]
    assert done(refused, configuration="examples/minimal.toml") == (
        2,
        [
            f"{file}: rental in eu-west-1 of the account of the credentials, with a new Aurora cluster",
            f"{file}: Error: no room",
        ],
    )


def test_jobs_that_cannot_be_built_are_told_without_a_traceback(done) -> None:  # type: ignore[no-untyped-def]
    def failing(*_: object) -> App:
        raise subprocess.CalledProcessError(1, [Path("scripts/build_glue.sh"), "--out", "dist/glue"])

    code, (what, why) = done(failing, configuration="examples/production.toml")
    assert code == 2
    assert why == "scripts/build_glue.sh failed, without which there are no Glue jobs; it needs a package index."
    assert what.endswith(
        "rental-prod in eu-west-1 of account 123456789012, with the database at "
        "marketplace.cluster-ro-abcdefghijkl.eu-west-1.rds.amazonaws.com"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_file_may_begin_with_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text("[monitoring]\nemail = 'one@company.example'", encoding)
    assert load_configuration(file).monitoring.email == ("one@company.example",)


def test_no_fault_names_its_key_or_its_remedy_twice(told) -> None:  # type: ignore[no-untyped-def]
    for text in (
        "[pipeline.source]\nurl = 'mysql://x/y'",
        "[pipeline.reference]\nexchange_rates = 'none.csv'",
        "[pipeline.tables.bokings]\nmode = 'append'",
    ):
        said = told(text)
        assert said.count(text.partition("]")[0].removeprefix("[")) == 1, said
        assert said.count("Remedy:") <= 1 and ".." not in said.partition(": ")[2], said


def test_authorities_of_rds_are_valid_for_two_years() -> None:
    known = known_authorities(BUNDLE)
    two_years = time.time() + 2 * 365 * 86_400
    names = {value for one in known for part in one["subject"] for key, value in part if key == "commonName"}
    assert {"Amazon RDS eu-west-1 Root CA RSA2048 G1", "Amazon Root CA 1"} <= names
    assert [one["subject"] for one in known if ssl.cert_time_to_seconds(one["notAfter"]) < two_years] == []
    assert BUNDLE.stat().st_size < 250_000


def test_authorities_are_read_out_of_the_package_of_npm() -> None:
    from rds_authorities import certificates

    first = BUNDLE.read_text().partition("\n")[2].partition("#")[0].strip()
    script = "exports.defaults = [\n" + " +\n".join(f"    '{line}\\n'" for line in first.splitlines()) + ",\n];\n"
    assert certificates(script) == [first]

"""What a deployment's configuration may say: whatever AWS would refuse later is refused as the file is read."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from deployment.synthesized import EXAMPLES
from infra.app import HERE
from infra.configuration import DeploymentConfigurationError, load_configuration
from infra.parts.authorities import BUNDLE, known_authorities
from infra.parts.pipeline_settings import rental_toml

pytestmark = pytest.mark.service

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
        ("[pipeline.qualty]\nmax_rejected_share = 0.1", "pipeline.qualty: Extra inputs are not permitted"),
        ("[pipeline.source]\noverlap = 'soon'", "pipeline.source.overlap: "),
        ("[pipeline]\nquality = 0.1", "pipeline.quality: "),
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
        ("[deployment]\nregion = 'il-central-1'", "none of RDS in il-central-1: download https://"),
        ("[source]\nmin_capacity = 8\nmax_capacity = 1", "max_capacity 1.0 is below min_capacity 8.0"),
        ("[source]\nmin_capacity = 0.7", "0.7 is not a multiple of 0.5"),
        ("[source]\nmin_capacity = 0\nengine_version = '8.0.mysql_aurora.3.07.1'", "cannot pause"),
        ("[source]\nengine_version = '8.0'", "source.engine_version"),
        ("[source]\ntls_ca = 'none.pem'", "source.tls_ca"),
        ("[source]\ntls_ca = 'company.toml'", "holds no certificates"),
        ("[source]\ntls = 'off'", "source.tls"),
        *(
            (f"[schedule]\nexpression = '{expression}'", "schedule.expression")
            for expression in ("nightly", "cron(0 3 * * *)", "rate(0 days)", "at(tomorrow)")
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
            "deployment.bootstrap_key_arn is not in deployment.region eu-west-1",
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
        (":secretsmanager:eu-west-1", ":secretsmanager:us-east-1", "not in deployment.region eu-west-1"),
        ("key/1111", "alias/1111", "source.existing.secret_key_arn"),
        ('vpc_id = ".*"', 'vpc_id = "vpc"', "source.existing.vpc_id"),
        ("subnet-0123456789abcdef1", "subnet", "source.existing.subnets.eu-west-1b"),
        ("eu-west-1b =", "us-east-1b =", "us-east-1b is not an availability zone"),
        ("host = ", 'host = "a b"\n# ', "source.existing.host"),
        ("arn:aws:secretsmanager", "arn:aws-cn:secretsmanager", "secret_arn does not begin with arn:aws:"),
        ("kms:eu-west-1:123456789012:key/1111", "kms:us-east-1:123456789012:key/1111", "secret_key_arn is not in"),
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


def test_what_cdk_refuses_is_told_in_a_line() -> None:
    """It has no check of its own: a person in a list of zones that the network has no room for."""
    script = (
        "import infra.app as app\n"
        "def refused(*_):\n"
        "    raise RuntimeError('Error: no room\\n    at a.js:1')\n"
        "app.build = refused\n"
        "raise SystemExit(app.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=HERE.parent, check=False, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert (done.returncode, last) == (2, f"{EXAMPLES['minimal']}: Error: no room")


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

"""What the Glue jobs are made of: script, wheels and configuration, below a prefix that changes with their content."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra.configuration import Configuration
from infra.parts.archives import archive_statements
from infra.parts.custom import Bootstrap

ROOT = Path(__file__).parents[2]
BUILD, BUILT = ROOT / "scripts" / "build_glue.sh", ROOT / "dist" / "glue"
SCRIPT = "rental_glue_job.py"
AUTHORITIES = "authorities.pem"
VERSIONS = "jobs"
"""Folder with all versions of the code: a run that is at work when another is deployed goes on with its own."""


class JobCode(Construct):
    """Copies script, wheels, `rental.toml`, the database's authorities and exchange rates into a bucket.

    Wheels keep their own names, which pip reads.

    Args:
        toml: the configuration of the jobs, without anything that is known only when the stack is deployed.
        authorities: PEM file of those that the job which reads the database trusts.
        rates: a company's own exchange rates, as a file of `rates_name`.

    Attributes:
        script: URL of the jobs' script.
        modules: URLs of the wheels.
        config: URL of `rental.toml`.
        authorities: URL of the PEM file; None where there is none.
        rates: URL of the exchange rates; None where there are none.
        prefix: of all of them in the bucket.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        bucket: s3.IBucket,
        key: kms.IKey,
        toml: str,
        authorities: Path | None,
        rates: Path | None,
    ) -> None:
        super().__init__(scope, id_)
        name = configuration.deployment.name
        wheels, beside = built(), [file for file in (authorities, rates) if file]
        self.prefix = f"{VERSIONS}/{_digest([*wheels, BUILT / SCRIPT, *beside], toml)}"
        url = f"s3://{bucket.bucket_name}/{self.prefix}"
        self.script, self.config = f"{url}/{SCRIPT}", f"{url}/rental.toml"
        self.modules = [f"{url}/{wheel.name}" for wheel in wheels]
        self.authorities = f"{url}/{AUTHORITIES}" if authorities else None
        self.rates = f"{url}/{rates_name(rates)}" if rates else None
        files = {AUTHORITIES: assets.Asset(self, "Authorities", path=str(authorities))} if authorities else {}
        if rates:
            files[rates_name(rates)] = assets.Asset(self, "Rates", path=str(rates))
        # An asset is one archive named by a hash; pip wants the wheels under their own names.
        archive = assets.Asset(self, "Archive", path=str(BUILT), exclude=["modules.txt"])
        self.copied = Bootstrap(
            self,
            "Bootstrap",
            name=f"{name}-code",
            module="job_code",
            key=key,
            properties={
                "FromBucket": archive.s3_bucket_name,
                "FromKey": archive.s3_object_key,
                "Bucket": bucket.bucket_name,
                "Prefix": self.prefix,
                "Files": {file: asset.s3_object_key for file, asset in files.items()},
                "Texts": {"rental.toml": toml},
            },
            statements=[
                *archive_statements([archive, *files.values()], configuration, sid="Archive"),
                iam.PolicyStatement(
                    sid="WriteCode", actions=["s3:PutObject"], resources=[bucket.arn_for_objects(f"{VERSIONS}/*")]
                ),
                iam.PolicyStatement(
                    sid="UseKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]
                ),
            ],
        ).resource

    def read_by(self, role: iam.Role, bucket: s3.IBucket) -> None:
        """Let a job's role read the code, also that of before: a deployment takes nothing from a run at work."""
        role.add_to_policy(
            iam.PolicyStatement(
                sid="ReadCode", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{VERSIONS}/*")]
            )
        )


def rates_name(file: Path) -> str:
    """How a file with exchange rates is called beside the code."""
    return f"exchange_rates{file.suffix}"


def built() -> list[Path]:
    """The wheels, built when a file that goes into them is newer."""
    newest = max(path.stat().st_mtime for path in _parts())
    listing = BUILT / "modules.txt"
    if not listing.exists() or listing.stat().st_mtime < newest:
        subprocess.run([BUILD, "--out", str(BUILT)], check=True, cwd=ROOT)
    return sorted(BUILT.glob("*.whl"))


def _parts() -> list[Path]:
    packages = (ROOT / "src" / "rental_analytics").rglob("*")
    files = [path for path in packages if path.is_file() and path.suffix != ".pyc"]
    return [*files, ROOT / "pyproject.toml", ROOT / "constraints.txt", ROOT / "scripts" / SCRIPT]


def _digest(files: Sequence[Path], toml: str) -> str:
    digest = hashlib.sha256(toml.encode())
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]

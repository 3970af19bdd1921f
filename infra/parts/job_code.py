"""What the Glue jobs are made of: script, wheels and configuration, below a prefix that changes with their content."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct

ROOT = Path(__file__).parents[2]
BUILD, BUILT = ROOT / "scripts" / "build_glue.sh", ROOT / "dist" / "glue"
SCRIPT = "rental_glue_job.py"


class JobCode(Construct):
    """Copies script, wheels and `rental.toml` into a bucket, wheels under their own names, which pip reads.

    Args:
        toml: the configuration of the jobs, without anything that is known only when the stack is deployed.

    Attributes:
        script: URL of the jobs' script.
        modules: URLs of the wheels.
        config: URL of `rental.toml`.
        prefix: of all of them in the bucket.
    """

    def __init__(
        self, scope: Construct, id_: str, *, name: str, bucket: s3.IBucket, key: kms.IKey, toml: str
    ) -> None:
        super().__init__(scope, id_)
        wheels = built()
        self.prefix = f"jobs/{_digest([*wheels, BUILT / SCRIPT], toml)}"
        url = f"s3://{bucket.bucket_name}/{self.prefix}"
        self.script, self.config = f"{url}/{SCRIPT}", f"{url}/rental.toml"
        self.modules = [f"{url}/{wheel.name}" for wheel in wheels]
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/{name}/job-code",
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.copied = deployment.BucketDeployment(
            self,
            "Copied",
            sources=[
                deployment.Source.asset(str(BUILT), exclude=["modules.txt"]),
                deployment.Source.data("rental.toml", toml),
            ],
            destination_bucket=bucket,
            destination_key_prefix=self.prefix,
            # Jobs that run while a new version is deployed go on with theirs.
            prune=False,
            retain_on_delete=False,
            memory_limit=512,
            log_group=group,
        )

    def read_by(self, role: iam.Role, bucket: s3.IBucket) -> None:
        """Let a job's role read the code."""
        role.add_to_policy(
            iam.PolicyStatement(
                sid="ReadCode", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{self.prefix}/*")]
            )
        )


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

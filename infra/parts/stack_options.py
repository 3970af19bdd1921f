"""What every stack is given."""

from __future__ import annotations

from typing import TypedDict

from aws_cdk import Environment


class StackOptions(TypedDict):
    """What every stack hands to CDK as it is."""

    description: str
    env: Environment
    termination_protection: bool

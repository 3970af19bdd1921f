"""Stub replaced below."""

from aws_cdk import Stack


class MonitoringStack(Stack):
    def __init__(self, scope, id_, *, configuration, orchestration, processing, **stack):
        super().__init__(scope, id_, **stack)

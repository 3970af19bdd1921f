"""Rights that the matrix cannot show to be needed, each with its reason: by role, then as `statement action`."""

_JOBS = "extract transform load-raw load-curated metrics"
_LOADS = "load-raw load-curated metrics"
_LOG = "a job that may not write its log goes on without"
_NETWORK = "there is no network in the emulator; Glue puts the job's machines into it by the job's role"

UNASKED: dict[str, dict[str, str]] = {
    _LOADS: {
        "FollowOwnStatements redshift-data:CancelStatement": "a job that is interrupted cancels its statement",
    },
    "copy": {
        "ListLake s3:ListBucket": "the stand-in opens what the manifest names; Redshift documents that COPY also lists",
    },
    "extract": {
        "AbortUploads s3:AbortMultipartUpload": "uploads are left by a job that was killed",
        "EnterNetwork ec2:CreateNetworkInterface": _NETWORK,
        "FindNetwork ec2:DescribeNetworkInterfaces": _NETWORK,
        "FindNetwork ec2:DescribeRouteTables": _NETWORK,
        "FindNetwork ec2:DescribeSecurityGroups": _NETWORK,
        "FindNetwork ec2:DescribeSubnets": _NETWORK,
        "FindNetwork ec2:DescribeVpcAttribute": _NETWORK,
        "FindNetwork ec2:DescribeVpcEndpoints": _NETWORK,
        "LeaveNetwork ec2:DeleteNetworkInterface": _NETWORK,
        "TagNetwork ec2:CreateTags": _NETWORK,
    },
}
"""The emulated runs ask for none of these."""

UNDETECTED: dict[str, dict[str, str]] = {
    _JOBS: {
        "WriteLog logs:AssociateKmsKey": _LOG,
        "WriteLog logs:CreateLogStream": _LOG,
        "WriteLog logs:PutLogEvents": _LOG,
        "PutMetrics cloudwatch:PutMetricData": "numbers that CloudWatch does not take are lost, and the job goes on",
    },
    "extract": {
        "DecryptLogin kms:Decrypt": "the login of a database made here has the lake's key, which UseKey also allows",
        "UseKey kms:Decrypt": "the lake's key is also that of the login, which DecryptLogin allows",
        "ListUploads s3:ListBucketMultipartUploads": "uploads that a killed job left are aborted where that is allowed",
    },
}
"""The job asks for it, and does without."""

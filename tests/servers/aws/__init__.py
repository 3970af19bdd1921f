"""An emulated AWS for tests: MiniStack, and what it lacks, in a process of its own.

Requests come over HTTPS and are held against IAM policies. What passes here has been shown on this emulation, not on
AWS. `server` starts it, `assembly` deploys into it; the other modules run in the emulator's process.
"""

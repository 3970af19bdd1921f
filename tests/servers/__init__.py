"""Throwaway servers for tests: real programs on loopback ports, gone when the session ends."""

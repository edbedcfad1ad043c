"""What Holdshort costs, measured on the machine it runs on: `python -m benchmarks --help`.

Each figure stands beside its aim. The server is `holdshort up` in a process of its own with the
whole product switched on: hashed keys, policy, audit chain, notifications, timers, outbox. What
asks and answers is another process, and its own CPU time is told too.
"""

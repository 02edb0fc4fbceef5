"""An agent without a cloud: what the caller says is recognised, answered and spoken on this machine.

`parts` says what an agent is made of; `recognition/`, `detection/`, `minds/` and `voices/` have those parts;
`caller_turns` and `conversation` put them together into one call, `server` and `cli` into a program.
"""

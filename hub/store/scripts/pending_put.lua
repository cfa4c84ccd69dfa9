#!lua
-- Without allow-oom: somebody new, or somebody who is to be told.
-- include notice
-- include pending_parts
-- include pending

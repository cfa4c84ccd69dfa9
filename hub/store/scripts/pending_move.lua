#!lua flags=allow-oom
-- With allow-oom: from one state to another, or away; nobody is told.
-- include notice
-- include pending_parts
-- include pending

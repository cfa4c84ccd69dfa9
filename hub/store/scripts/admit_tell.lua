#!lua
-- Without allow-oom: somebody is to be told.
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
-- include hold
-- include counts
-- include redrive
-- include row_join
-- include pending_parts
-- include notice
-- include admit
return admit()

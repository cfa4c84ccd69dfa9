#!lua
-- Without allow-oom: somebody is to be told.
-- include bucket_of
-- include row_parts
-- include is_contact
-- include row_join
-- include pending_parts
-- include notice
-- include admit
return admit()

#!lua flags=allow-oom
-- With allow-oom: nobody is told.
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

#!lua flags=allow-oom
-- Makes a row, or changes one.
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
-- include hold
-- include counts
-- include redrive
-- include row_join
return join()

#!lua flags=allow-oom
-- Makes a row, or changes one.
-- include bucket_of
-- include row_parts
-- include is_contact
-- include row_join
return join()

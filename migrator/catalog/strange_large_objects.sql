-- The first large objects of a destination that no mapping has made.
SELECT m.oid::bigint AS oid
FROM pg_catalog.pg_largeobject_metadata m
WHERE m.oid NOT IN (SELECT l.large_object FROM migrator.large_objects l)
ORDER BY m.oid
LIMIT 11

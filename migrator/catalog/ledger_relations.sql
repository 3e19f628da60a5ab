-- Each relation with its parts added up; all zeros where it is copied by tablesync. Narrow: by name or by its oid on the source.
SELECT r.relation, r.group_number AS group, r.source_oid::text AS source_oid, r.publication_rel_oid::text AS member,
       r.target_oid::text AS target, r.attached_lsn::text AS attached, r.gone_lsn::text AS gone, r.was_partition,
       r.analyzed_at IS NOT NULL AS analyzed, r.layout, r.altered_layout, r.altered_lsn::text AS altered,
       r.insert_only, r.changes, r.counted_since, r.structure, r.structure_lsn::text AS structured,
       coalesce(p.parts, 0) AS parts, coalesce(p.copied, 0) AS copied,
       coalesce(p.bytes, 0)::bigint AS bytes, coalesce(p.rows, 0)::bigint AS rows
FROM migrator.relations r
LEFT JOIN (SELECT relation, group_number, count(*) AS parts, count(copied_at) AS copied, sum(bytes) AS bytes, sum(rows) AS rows
           FROM migrator.parts
           WHERE mapping = %(mapping)s
             AND (%(names)s::text[] IS NULL OR relation = ANY (%(names)s::text[]))
           GROUP BY 1, 2) p USING (relation, group_number)
WHERE r.mapping = %(mapping)s
  AND (%(names)s::text[] IS NULL OR r.relation = ANY (%(names)s::text[]) OR r.source_oid = ANY (%(oids)s::oid[]))

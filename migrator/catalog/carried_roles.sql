SELECT r.mapping, coalesce(m.source, '') AS source, r.role, r.created
FROM migrator.roles r JOIN migrator.mappings m ON m.name = r.mapping ORDER BY r.mapping, r.role

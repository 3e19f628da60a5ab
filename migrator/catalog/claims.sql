SELECT d.mapping, coalesce(m.source, '') AS source, d.database, d.target, d.created
FROM migrator.databases d JOIN migrator.mappings m ON m.name = d.mapping ORDER BY d.mapping, d.database

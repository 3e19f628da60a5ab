-- What is left to copy; of a relation in very many parts no more than any tick hands out.
SELECT group_number AS group, relation, number
FROM (SELECT group_number, relation, number, row_number() OVER (PARTITION BY group_number, relation ORDER BY number) AS place
      FROM migrator.parts
      WHERE mapping = %(mapping)s AND copied_at IS NULL
        AND (%(names)s::text[] IS NULL OR relation = ANY (%(names)s::text[]))) AS open
WHERE place <= 64
ORDER BY group_number, relation, number

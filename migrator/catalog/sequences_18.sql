-- As sequences.sql; from 18 on one function tells all of a sequence.
SELECT n.nspname, c.relname, s.seqincrement, value.last_value, value.is_called
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_get_sequence_data(s.seqrelid) AS value
WHERE s.seqrelid = ANY (%(sequences)s::oid[])

-- Sequences with their value where it can be had without asking each of them: pg_sequence_last_value() says nothing of one
-- that was never called. It locks the sequence until the end of its statement: the caller names some hundreds at once.
SELECT n.nspname, c.relname, s.seqincrement, pg_sequence_last_value(s.seqrelid) AS last_value, true AS is_called
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE s.seqrelid = ANY (%(sequences)s::oid[])

-- Run statement by statement on both sides after the migration: rows and errors must be the same. A blank line ends a statement.
SELECT nextval('act.plain'), nextval('act.down'), nextval('act.tiny'), nextval('act.fresh')

SELECT nextval('act.tiny'), nextval('act.tiny')

SELECT nextval('act.down') FROM generate_series(1, 60)

INSERT INTO act.person (name, age) VALUES ('eve', 33) RETURNING *

INSERT INTO act.person (id, name) VALUES (1, 'refused: identity')

INSERT INTO act.person (name, age) VALUES ('refused: domain', 0)

INSERT INTO act.person (name, tag) VALUES ('refused: domain of text', '')

INSERT INTO act.person (name, born) VALUES ('refused: check', '1800-01-01')

INSERT INTO act.person (name) VALUES ('ann')

INSERT INTO act.person (name, upper) VALUES ('refused: generated', 'X')

INSERT INTO act.person (name, feeling) VALUES ('refused: enum', 'glad')

UPDATE act.person SET name = 'anna', age = 21 WHERE name = 'ann' RETURNING upper, tag, feeling > 'meh'

INSERT INTO act.adults (name, age) VALUES ('through view', 40) RETURNING *

INSERT INTO act.adults (name, age) VALUES ('refused: check option', 4)

INSERT INTO act.old (name, age) VALUES ('refused: cascaded', 40)

INSERT INTO act.old (name, age) VALUES ('very old', 90) RETURNING *

UPDATE act.old SET age = 30

INSERT INTO act.joined (name) VALUES ('instead') RETURNING *

INSERT INTO act.joined (name, town) VALUES ('instead of', 'bonn') RETURNING *

DELETE FROM act.joined

SELECT * FROM act.guarded_names ORDER BY 1

INSERT INTO act.ruled VALUES (7, 'by rule') RETURNING *

DELETE FROM act.parent

UPDATE act.parent SET kind = kind || '!' WHERE id = 3

SELECT tableoid::regclass, * FROM act.parent ORDER BY id

SELECT * FROM act.counting ORDER BY n

SELECT * FROM act.unfilled

SELECT * FROM act.per_town ORDER BY town

REFRESH MATERIALIZED VIEW CONCURRENTLY act.per_town

SELECT * FROM act.per_town ORDER BY town

INSERT INTO act.address (person, town) VALUES (100, 'rome')

INSERT INTO act.address (person, town) VALUES (NULL, 'none'), (NULL, 'none')

INSERT INTO act.address (person, town) VALUES (555, 'refused: foreign key')

UPDATE act.person SET id = DEFAULT WHERE name = 'cat' RETURNING id

DELETE FROM act.person WHERE name = 'anna'

DELETE FROM act.person WHERE name IN ('bob', 'cat', 'dan') RETURNING name

SELECT * FROM act.address ORDER BY id

SELECT * FROM act.pet ORDER BY id

SELECT * FROM act.visit ORDER BY id

INSERT INTO act.visit VALUES (9, 12345)

INSERT INTO act.booking VALUES (2, '[4,6)')

INSERT INTO act.booking VALUES (3, '[5,6)', '{[3,4)}') RETURNING *, also @> 3

INSERT INTO act.measure VALUES ('2030-01-01', 1)

INSERT INTO act.measure VALUES ('2026-12-31', 5) RETURNING tableoid::regclass

UPDATE act.measure SET value = value + 1 WHERE at < '2026-01-01'

UPDATE act.measure SET at = '2026-11-11' WHERE at = '2025-07-01' RETURNING tableoid::regclass

SELECT act.describe(p) FROM act.person p ORDER BY name

SELECT * FROM act.default_of(3) a, act.default_of(3, 4) b

SELECT act.many(1, 2, 3), act.many(VARIADIC ARRAY[4])

SELECT act.poly(1, ARRAY[2, 3]), act.poly('a'::text, ARRAY['b'])

SELECT * FROM act.shown(3)

SELECT act.path(), current_setting('work_mem') = '3MB'

CALL act.grow(4)

CALL act.grow(n => 4, by => 10)

SELECT act.nested(name ORDER BY name) FROM act.person

SELECT act.within(40) WITHIN GROUP (ORDER BY age) FROM act.person

SELECT ROW(1, 'a')::act.pair OPERATOR(act.<<<) ROW(2, 'b')::act.pair

INSERT INTO act.paired (p) VALUES (5) RETURNING *

SELECT act.span(1, 5) * act.span(3, 9), act.spans(act.span(1, 2), act.span(8, 9))

SET ROLE watcher

SELECT * FROM act.pet ORDER BY id

INSERT INTO act.pet (name) VALUES ('puss')

INSERT INTO act.pet (name) VALUES ('refused: policy')

UPDATE act.pet SET name = 'refused: nothing to update'

SELECT * FROM act.address

UPDATE act.person SET age = 3

INSERT INTO act.adults (name, age) VALUES ('as the view''s owner', 50)

RESET ROLE

INSERT INTO act.pet (name) VALUES ('at the end of the transaction')

SELECT id, what FROM act.log ORDER BY id

SELECT last_value, is_called FROM act.person_id_seq

SELECT last_value, is_called FROM act.address_id_seq

SELECT s.subname AS name, d.datname AS database, s.subenabled AS enabled
FROM pg_subscription AS s
JOIN pg_database AS d ON d.oid = s.subdbid
ORDER BY s.subname

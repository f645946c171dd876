-- The roles and the database of docs/production.md, for psql, by a superuser. Then: ./dev db migrate and ./dev db grant as the owner.
CREATE ROLE stampede LOGIN PASSWORD :'owner';
CREATE ROLE stampede_gateway LOGIN PASSWORD :'gateway';
CREATE ROLE stampede_consumers LOGIN PASSWORD :'consumers';
CREATE DATABASE stampede OWNER stampede ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE stampede FROM PUBLIC;
-- TEMPORARY: the consumers' checker compares by temporary tables.
GRANT CONNECT, TEMPORARY ON DATABASE stampede TO stampede_gateway, stampede_consumers;

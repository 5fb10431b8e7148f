-- A user of PostgreSQL for each role: who breaks into a process that buyers reach cannot read or write the engine's journal with what is found there.
--
--   PGOPTIONS='-c usher.engine_password=... -c usher.services_password=... -c usher.gateway_password=...' \
--     psql --set=ON_ERROR_STOP=1 --file=deploy/postgres/roles.sql postgres://usher:...@postgres:5432/usher
--
-- To be run by the database's owner, if allowed to make users, or by a superuser. It may be run again, also while Usher runs, and on a database that one user had all of.
-- Users are named for their database: usher_engine, usher_services, usher_gateway. A password that is not given stays as it is.
DO $$
DECLARE
  schemas CONSTANT jsonb := '{
    "engine": ["engine"],
    "services": ["identity", "catalog", "payments", "bookings", "tickets", "notifications", "http", "events"],
    "gateway": ["mock_gateway"]
  }';
  prefix CONSTANT text := current_database() || '_';
  role text;
  owner text;
  password text;
  schema text;
  handover text;
BEGIN
  IF octet_length(prefix || 'services') > 63 THEN
    RAISE EXCEPTION 'The name of the database % is too long: users are named for it, by at most 63 bytes with their role.', current_database();
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('usher.roles', 0));
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  -- Of the catalogue, whose user may not make them.
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE EXTENSION IF NOT EXISTS btree_gist;

  FOR role IN SELECT jsonb_object_keys(schemas) LOOP
    owner := prefix || role;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', owner);
    END IF;
    password := current_setting(format('usher.%s_password', role), true);
    IF password <> '' THEN
      EXECUTE format('ALTER ROLE %I PASSWORD %L', owner, password);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), owner);
    EXECUTE format('GRANT %I TO CURRENT_USER', owner);
  END LOOP;
  -- Services that are told of no gateway run it themselves.
  EXECUTE format('GRANT %I TO %I', prefix || 'gateway', prefix || 'services');

  FOR role, schema IN SELECT key, jsonb_array_elements_text(value) FROM jsonb_each(schemas) LOOP
    owner := prefix || role;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', schema);
    EXECUTE format('ALTER SCHEMA %I OWNER TO %I', schema, owner);
    -- To look names up, as migrations do: what they stand for is their owner's alone.
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I, %I', schema, prefix || 'engine', prefix || 'services', prefix || 'gateway');
    FOR handover IN
      SELECT format('ALTER TABLE %s OWNER TO %I', oid::regclass, owner) FROM pg_class
      WHERE relnamespace = schema::regnamespace AND relkind IN ('r', 'p') AND relowner <> quote_ident(owner)::regrole
      UNION ALL
      SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, owner) FROM pg_proc
      WHERE pronamespace = schema::regnamespace AND proowner <> quote_ident(owner)::regrole
    LOOP
      EXECUTE handover;
    END LOOP;
  END LOOP;

  -- A backup that was restored without its rights has lost this one, by which services know how many shards there are.
  IF to_regclass('engine.cluster') IS NOT NULL THEN
    GRANT SELECT (shards) ON engine.cluster TO PUBLIC;
  END IF;
END $$;

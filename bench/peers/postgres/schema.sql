-- An event store as applications make it on PostgreSQL: a table, a version a stream, the unique index guards.
create table events (
  position bigserial primary key,
  stream text not null,
  version bigint not null,
  type text not null,
  id uuid not null default gen_random_uuid(),
  time timestamptz not null default now(),
  data text,
  unique (stream, version)
);
-- Appends one event if the stream is at the expected version (-1: it does not exist). Gives the new version.
create function append(of_stream text, expected bigint, of_type text, of_data text) returns bigint
language plpgsql as $$
declare
  actual bigint;
begin
  select coalesce(max(version), -1) into actual from events where stream = of_stream;
  if actual <> expected then
    raise exception 'stream % is at version %, not %', of_stream, actual, expected;
  end if;
  insert into events (stream, version, type, data) values (of_stream, actual + 1, of_type, of_data);
  return actual + 1;
end $$;

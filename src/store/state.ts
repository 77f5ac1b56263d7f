import type { Database } from "bun:sqlite";

export type State = ReturnType<typeof openState>;

/** Facts about this host's copy, by name. They are no part of the set that hosts share. */
export function openState(db: Database) {
  const read = () => db.query<{ value: string }, [string]>("select value from state where key = ?");
  const write = () =>
    db.query("insert into state values (?, ?) on conflict (key) do update set value = excluded.value");
  const remove = () => db.query("delete from state where key = ?");

  return {
    get: (key: string): string | undefined => read().get(key)?.value,
    set: (key: string, value: string): void => void write().run(key, value),
    delete: (key: string): void => void remove().run(key),
  };
}

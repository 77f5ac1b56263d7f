import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHookFile } from "../../../src/host/agents/hook-file.ts";

const command = "/usr/local/bin/kioku-mesh hook session-start";
const group = { hooks: [{ type: "command", command, timeout: 10 }] };
const other = { matcher: "startup", hooks: [{ type: "command", command: "echo hello" }] };

/** A settings file with this text, or not there. */
function settings(text?: string) {
  const folder = mkdtempSync(join(tmpdir(), "kioku-hooks-"));
  const path = join(folder, "settings.json");
  if (text !== undefined) writeFileSync(path, text);
  return {
    ...openHookFile(path, () => new Date("2026-11-22T06:38:15Z")),
    write: (changed: string) => writeFileSync(path, changed),
    text: () => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    json: () => JSON.parse(readFileSync(path, "utf8")),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

describe("the session-start hook", () => {
  const texts: [what: string, text: string | undefined][] = [
    ["no file", undefined],
    ["an empty object", "{}\n"],
    ["other settings", '{\n  "model": "opus",\n  "permissions": { "allow": ["x"] }\n}\n'],
    ["hooks of other events", '{\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}'],
    ["other hooks of the same event", JSON.stringify({ hooks: { SessionStart: [other] }, z: 1 }, null, 4)],
    ["an empty list", '{"hooks": {"SessionStart": []}}'],
    ["all on one line", JSON.stringify({ hooks: { SessionStart: [other] } })],
    ["Windows line breaks", '{\r\n  "a": 1\r\n}\r\n'],
  ];
  for (const [what, text] of texts) {
    test(`comes into ${what}, and leaves it byte for byte as it was`, () => {
      using file = settings(text);
      const before = JSON.parse(text ?? "{}");
      file.add(command);
      expect(file.json()).toEqual({
        ...before,
        hooks: { ...before.hooks, SessionStart: [...(before.hooks?.SessionStart ?? []), group] },
      });
      expect(file.commands()).toEqual([command]);
      const added = file.text();
      expect(file.add(command)).toBeUndefined(); // it is there already
      expect(file.text()).toBe(added);
      file.remove();
      expect(file.text()).toBe(text);
    });
  }

  test("replaces what another place of this program left, and leaves the hooks beside it", () => {
    const old = { type: "command", command: "'/old place/kioku-mesh' hook session-start --max-bytes 9000" };
    const text = JSON.stringify({
      hooks: { SessionStart: [{ hooks: [old, old] }, { hooks: [old, other.hooks[0], old] }, other] },
    });
    using file = settings(text);
    expect(file.commands()).toHaveLength(4);
    file.add(command);
    expect(file.json()).toEqual({ hooks: { SessionStart: [{ hooks: other.hooks }, other, group] } });
  });

  test("is taken out of a file that has changed since, with the lists that it leaves empty", () => {
    using file = settings('{ "a": 1 }');
    file.add(command);
    file.write(file.text()!.replace('"a": 1', '"a": 2'));
    file.remove();
    expect(file.json()).toEqual({ a: 2 });
  });

  test("is not put into what is no JSON, or has another form", () => {
    for (const text of ["{ // comment\n}", "[]", '{"hooks": []}', '{"hooks": {"SessionStart": {}}}']) {
      using file = settings(text);
      expect(() => file.add(command)).toThrow();
      expect(file.text()).toBe(text);
    }
  });
});

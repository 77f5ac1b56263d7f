import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { UserError } from "../../src/core/errors.ts";
import { issueRelayCredentials, meshAuthority } from "../../src/seal/authority.ts";
import { fromBase32, toBase32 } from "../../src/seal/base32.ts";
import { decodeJoinCode, encodeJoinCode, type JoinCode } from "../../src/seal/join-code.ts";
import { newMeshKey } from "../../src/seal/keys.ts";
import { keys } from "./records.ts";

const full: JoinCode = { kind: "full", meshKey: newMeshKey(), addresses: ["192.168.100.100:7447"] };
const credentials = issueRelayCredentials(meshAuthority(keys), new Date("2026-01-02T03:04:05Z"));
const relay: JoinCode = { kind: "relay", meshId: keys.meshId, credentials, addresses: ["hub.example:443"] };

function refusal(text: string): string {
  try {
    decodeJoinCode(text);
  } catch (error) {
    if (error instanceof UserError && error.code === "usage" && error.hint) return error.message;
    throw error;
  }
  return "accepted";
}

test("base32 gives back bytes of every length, in either case and with letters that look like digits", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 151 + length) & 255);
    expect(fromBase32(toBase32(bytes))).toEqual(bytes);
    expect(fromBase32(toBase32(bytes).toUpperCase().replaceAll("1", "I").replaceAll("0", "O"))).toEqual(bytes);
  }
  expect(toBase32(new TextEncoder().encode("foobar"))).toBe("csqpyrk1e8"); // RFC 4648's example in Crockford's digits
});

test("a code comes back as it was", () => {
  const lists = [
    [],
    ["10.0.0.1:7447"],
    ["hub.example:7447", "[fd00::1]:7447", "[fe80::1%eth0]:17447", "my_host:80", "10.0.0.2:17447"],
  ];
  for (const addresses of lists) {
    expect(decodeJoinCode(encodeJoinCode({ ...full, addresses }))).toEqual({ ...full, addresses });
    expect(decodeJoinCode(encodeJoinCode({ ...relay, addresses }))).toEqual({ ...relay, addresses });
  }
});

test("a code is one word of some ninety characters, and a relay's fits a terminal's input line", () => {
  expect(encodeJoinCode(full)).toMatch(/^kioku1_[0-9a-z]{80,90}$/);
  expect(encodeJoinCode(relay)).toMatch(/^kiokurelay1_[0-9a-z]{1600,1900}$/);
});

test("a code is taken in capitals, broken over lines and with space around it", () => {
  const text = encodeJoinCode(full);
  expect(decodeJoinCode(`  ${text.slice(0, 40)}\r\n  ${text.slice(40)}\n`)).toEqual(full);
  expect(decodeJoinCode(text.toUpperCase())).toEqual(full);
});

test("a relay's code does not contain the mesh key", () => {
  const { meshKey } = full as JoinCode & { kind: "full" };
  const text = encodeJoinCode(relay);
  const bytes = Buffer.from(fromBase32(text.slice("kiokurelay1_".length))!);
  expect(bytes.includes(meshKey)).toBeFalse();
  expect(bytes.includes(keys.recordSeal.export())).toBeFalse();
});

test("a mistyped character anywhere in the body is refused, as are two exchanged ones", () => {
  const text = encodeJoinCode(full);
  const digits = "0123456789abcdefghjkmnpqrstvwxyzu!";
  for (let index = "kioku1_".length; index < text.length; index++) {
    for (const digit of digits) {
      if (digit === text[index]) continue;
      expect(refusal(text.slice(0, index) + digit + text.slice(index + 1))).toBe(
        "this join code is mistyped or cut off",
      );
    }
    if (text[index] === text[index + 1] || index + 1 === text.length) continue;
    const exchanged = text.slice(0, index) + text[index + 1] + text[index] + text.slice(index + 2);
    expect(refusal(exchanged)).toBe("this join code is mistyped or cut off");
  }
});

test("a code that was cut off, lengthened or given the other prefix is refused", () => {
  const text = encodeJoinCode(full);
  for (let length = "kioku1_".length; length < text.length; length++) {
    expect(refusal(text.slice(0, length))).toBe("this join code is mistyped or cut off");
  }
  for (const more of ["0", "00000000"]) expect(refusal(text + more)).toBe("this join code is mistyped or cut off");
  expect(refusal(text.replace("kioku1_", "kiokurelay1_"))).toBe("this join code is mistyped or cut off");
  expect(refusal(text.replace("kioku1_", "kioku0_"))).toBe("this join code is mistyped or cut off");
});

test("a code of a newer version says so", () => {
  const message = "this join code comes from a newer version of kioku-mesh";
  expect(refusal(encodeJoinCode(full).replace("1_", "2_"))).toBe(message);
  expect(refusal("kiokurelay10_whatever-it-holds")).toBe(message);
});

test("what is no code at all says so", () => {
  for (const text of [
    "",
    "192.168.1.10:7447",
    "hub.example",
    "kioku",
    "kioku1",
    "ghp_abcdef",
    encodeJoinCode(full).slice(1),
  ]) {
    expect(refusal(text)).toBe("this is not a join code");
  }
});

/** A code with a right checksum over any body, as a malicious host could make it. */
function forged(prefix: string, body: Uint8Array): string {
  const checksum = createHash("sha256").update(prefix).update(body).digest().subarray(0, 4);
  return prefix + toBase32(Buffer.concat([body, checksum]));
}

test("a body that holds anything but a code is refused, however right its checksum", () => {
  const hostile = [
    'x" ], plugins: {',
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "a,,b",
    "tls/10.0.0.1",
    "../..",
    "-o:1",
    "a b:1",
  ];
  const bodies = hostile.map((address) => Buffer.concat([new Uint8Array(32), Buffer.from(address)]));
  for (const body of [...bodies, new Uint8Array(), new Uint8Array(31)]) {
    expect(refusal(forged("kioku1_", body))).toBe("this join code is mistyped or cut off");
  }
  const overlong = Buffer.from([...new Uint8Array(21), 9]); // the last part claims nine bytes that are not there
  for (const body of [new Uint8Array(), new Uint8Array(17), Buffer.alloc(40, 0xff), Buffer.alloc(21), overlong]) {
    expect(refusal(forged("kiokurelay1_", body))).toBe("this join code is mistyped or cut off");
  }
});

test("an address that none can dial is not put into a code", () => {
  for (const address of ["10.0.0.1", "tls/10.0.0.1:7447", "a,b:1", ":7447", "fd00::1:7447"]) {
    expect(() => encodeJoinCode({ ...full, addresses: [address] })).toThrow(RangeError);
  }
});

import { expect, test } from "bun:test";
import { openMessage, sealMessage, type MessageBinding } from "../../src/seal/message-seal.ts";
import { foreignKeys, keys } from "./records.ts";

const question: MessageBinding = { purpose: "question", from: "anna", to: "ben", context: new Uint8Array() };
const answerTo = (asked: Uint8Array): MessageBinding => ({
  purpose: "answer",
  from: "ben",
  to: "anna",
  context: asked,
});
const text = (message: string) => new TextEncoder().encode(message);
const ask = () => sealMessage(keys, question, text("is your fingerprint 4f2a?"));

test("a message opens for the receiver that expects it, also an empty one", () => {
  for (const message of [text("hello"), new Uint8Array()]) {
    const opened = openMessage(keys, question, sealMessage(keys, question, message));
    expect(Buffer.from(opened as Uint8Array)).toEqual(Buffer.from(message));
  }
});

test("the same message is sealed to other bytes each time", () => {
  expect(ask()).not.toEqual(ask());
});

test("a message for another purpose, from or to another peer, or in another context is refused", () => {
  const sealed = ask();
  const others = [{ purpose: "answer" }, { from: "ben" }, { to: "carl" }, { to: "" }, { context: text("x") }];
  for (const other of others) expect(openMessage(keys, { ...question, ...other }, sealed)).toBe("notAuthentic");
});

test("text cannot move from one part of the binding to the next", () => {
  const sealed = sealMessage(keys, { ...question, from: "ab", to: "c" }, text("hello"));
  expect(openMessage(keys, { ...question, from: "a", to: "bc" }, sealed)).toBe("notAuthentic");
});

test("an answer opens for its question", () => {
  const asked = ask();
  expect(openMessage(keys, answerTo(asked), sealMessage(keys, answerTo(asked), text("equal")))).toBeInstanceOf(
    Uint8Array,
  );
});

test("a recorded 'we are equal' does not answer the same question asked again", () => {
  const recorded = sealMessage(keys, answerTo(ask()), text("equal"));
  expect(openMessage(keys, answerTo(ask()), recorded)).toBe("notAuthentic");
});

test("a 'we are equal' forged without the mesh key, or reflected, silences nobody", () => {
  const asked = ask();
  expect(openMessage(keys, answerTo(asked), sealMessage(foreignKeys, answerTo(asked), text("equal")))).toBe(
    "notAuthentic",
  );
  expect(openMessage(keys, answerTo(asked), asked)).toBe("notAuthentic");
});

test("one peer's answer does not pass as another's", () => {
  const asked = ask();
  const carls = sealMessage(keys, { ...answerTo(asked), from: "carl" }, text("equal"));
  expect(openMessage(keys, answerTo(asked), carls)).toBe("notAuthentic");
});

test("a changed bit in any byte, a cut, and what is no sealed message are refused without a throw", () => {
  const sealed = ask();
  for (let index = 0; index < sealed.length; index++) {
    const changed = Uint8Array.from(sealed);
    changed[index]! ^= 0x10;
    expect(openMessage(keys, question, changed)).toBe(index === 0 ? "unknownVersion" : "notAuthentic");
    expect(openMessage(keys, question, sealed.subarray(0, index))).toBe("notAuthentic");
  }
  expect(openMessage(keys, question, text('{"equal": true}'))).toBe("unknownVersion");
});

import {
  decodeAnnouncement,
  decodeAnswer,
  decodeQuestion,
  encodeAnnouncement,
  encodeAnswer,
  encodeQuestion,
  type Announcement,
  type Answer,
  type Question,
} from "./message.ts";
import type { Mesh, PeerId } from "./mesh.ts";
import type { MessageBinding, Sealer } from "./sealer.ts";
import { MalformedMessage } from "./wire.ts";

const nothing = new Uint8Array();

/** The messages between replicators, sealed and opened. What does not open, or is not what it should be, is dropped. */
export function createTalk(
  mesh: Mesh,
  sealer: Sealer,
  dropped: (what: MessageBinding["purpose"], reason: string) => void,
) {
  function open<T>(binding: MessageBinding, sealed: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
    const message = sealer.openMessage(binding, sealed);
    try {
      if (typeof message !== "string") return decode(message);
      dropped(binding.purpose, message);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      dropped(binding.purpose, error.message); // made with the mesh key, and yet no message: a bug or a newer version
    }
    return undefined;
  }

  return {
    /** Asks a peer. The answer is bound to this very question, so that no old one and no other peer's passes. */
    async ask(peer: PeerId, question: Question, deadline: number): Promise<Answer | undefined> {
      const binding = { purpose: "question", from: mesh.self, to: peer, context: nothing } as const;
      const sealed = sealer.sealMessage(binding, encodeQuestion(question));
      const answer = await mesh.ask(peer, sealed, deadline);
      return answer && open({ purpose: "answer", from: peer, to: mesh.self, context: sealed }, answer, decodeAnswer);
    },

    /** The answer to a question, as `reply` makes it; undefined where the question is none, or `reply` has none. */
    answer(
      from: PeerId,
      sealed: Uint8Array,
      reply: (question: Question) => Answer | undefined,
    ): Uint8Array | undefined {
      const question = open({ purpose: "question", from, to: mesh.self, context: nothing }, sealed, decodeQuestion);
      const answer = question && reply(question);
      const binding = { purpose: "answer", from: mesh.self, to: from, context: sealed } as const;
      return answer && sealer.sealMessage(binding, encodeAnswer(answer));
    },

    announce(announcement: Announcement): void {
      const binding = { purpose: "announcement", from: mesh.self, to: "", context: nothing } as const;
      mesh.announce(sealer.sealMessage(binding, encodeAnnouncement(announcement)));
    },

    heard(from: PeerId, sealed: Uint8Array): Announcement | undefined {
      return open({ purpose: "announcement", from, to: "", context: nothing }, sealed, decodeAnnouncement);
    },
  };
}

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode, JSONRPCMessageSchema, type RequestId } from "@modelcontextprotocol/sdk/types.js";
import { linesOf } from "./lines.ts";

/** Longest line that is read: the longest content of a save with every byte of it escaped as six, and room to spare. */
export const maxLineBytes = 8 * 1024 * 1024;

export interface LineTransport extends Transport {
  /** Resolves when the client has hung up: its input has ended, or it does not read any more. */
  hungUp: Promise<void>;
  /** Takes no further message. Resolves when every request read so far is answered and every answer is written. */
  finish(): Promise<void>;
}

/**
 * JSON-RPC as lines of text. In the place of the SDK's own stdio transport, which goes through Node's standard streams
 * (20 ms of start-up), does not see its input end, closes over one long line, and leaves a broken line unanswered.
 */
export function lineTransport(
  input: ReadableStream<Uint8Array>,
  write: (line: string) => Promise<unknown>,
): LineTransport {
  const { promise: hungUp, resolve: hangUp } = Promise.withResolvers<void>();
  const unanswered = new Set<RequestId>();
  let written: Promise<unknown> = Promise.resolve();
  let idle: (() => void) | undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  function put(message: object): Promise<unknown> {
    const line = `${JSON.stringify(message)}\n`;
    return (written = written.then(() => write(line)).catch(() => hangUp())); // a closed pipe is a client gone
  }

  function refuse(code: ErrorCode, message: string, id: RequestId | null = null): void {
    void put({ jsonrpc: "2.0", id, error: { code, message } });
  }

  function receive(line: Uint8Array): void {
    const json = parse(line);
    if (!json) return refuse(ErrorCode.ParseError, "Parse error: a line is not JSON in UTF-8");
    const parsed = JSONRPCMessageSchema.safeParse(json.value);
    if (!parsed.success) return refuse(ErrorCode.InvalidRequest, "Invalid Request: no JSON-RPC 2.0 message", json.id);
    const message = parsed.data;
    if ("method" in message && "id" in message) unanswered.add(message.id);
    transport.onmessage?.(message);
    if ("method" in message && message.method === "notifications/cancelled") {
      unanswered.delete(message.params?.requestId as RequestId); // what is cancelled gets no answer
    }
  }

  async function read(): Promise<void> {
    try {
      reader = input.getReader();
      for await (const line of linesOf(chunksOf(reader), maxLineBytes)) {
        if (idle) break;
        if (line) receive(line);
        else refuse(ErrorCode.InvalidRequest, `Invalid Request: a line of more than ${maxLineBytes} bytes`);
      }
    } catch (error) {
      transport.onerror?.(error as Error); // input that cannot be read has ended
    }
    hangUp();
  }

  function settle(): void {
    if (unanswered.size === 0) idle?.();
  }

  const transport: LineTransport = {
    hungUp,
    async start() {
      void read();
    },
    async send(message) {
      const done = put(message);
      if (!("method" in message) && message.id !== undefined) unanswered.delete(message.id);
      settle();
      await done;
    },
    async finish() {
      await new Promise<void>((resolve) => {
        idle = resolve;
        settle();
      });
      await written;
    },
    async close() {
      transport.onclose?.();
      await reader?.cancel(); // a pending read of a terminal would keep the process alive
    },
  };
  return transport;
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The value of a line, and the id that an answer to it must bear; undefined where the line is not JSON in UTF-8. */
function parse(line: Uint8Array): { value: unknown; id: RequestId | null } | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    const id = value !== null && typeof value === "object" && "id" in value ? value.id : null;
    return { value, id: typeof id === "string" || Number.isSafeInteger(id) ? (id as RequestId) : null };
  } catch {
    return undefined; // the caller tells the client, and reads on
  }
}

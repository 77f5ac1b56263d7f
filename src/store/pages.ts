import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

/** A column of a row as it stands in the file. */
export type Value = null | number | { text: string } | { blob: Uint8Array };

/** A row of some table, read from a page without asking the tables above it. */
export interface Row {
  rowid: number;
  values: Value[];
}

export type Files = ReturnType<typeof openFiles>;

/**
 * A database and its write-ahead log, as files. Closing them drops the locks that SQLite holds on them in this process:
 * close them last.
 */
export function openFiles(path: string) {
  const main = openFile(path);
  const journal = existsSync(`${path}-wal`) ? openFile(`${path}-wal`) : undefined;
  return {
    main,
    journal,
    close(): void {
      main.close();
      journal?.close();
    },
  };
}

const usualPageSize = 4096;
const leafTable = 0x0d;
/** More than the longest payload a record can have; a damaged length would claim anything. */
const longestRow = 64 * 1024 * 1024;

/**
 * Every row of every table that can still be read from the pages of a database and its write-ahead log, wherever they
 * stand and however often: what holds the pages together may be damaged. The file format is SQLite's
 * (sqlite.org/fileformat2.html). Damaged bytes give damaged rows, so that whoever reads them must know how to tell.
 */
export function* readRows({ main, journal }: Files): Generator<Row, void> {
  const { pageSize, usable } = shapeOf(main.read(0, 100));
  const frames = journal ? framesOf(journal, pageSize) : [];
  const newest = new Map(frames.map(({ page, at }) => [page, at]));
  const stored = (page: number) => main.read((page - 1) * pageSize, pageSize);
  const current = (page: number) => (newest.has(page) ? journal!.read(newest.get(page)!, pageSize) : stored(page));
  const ways = frames.length > 0 ? [current, stored] : [stored];
  for (let page = 1; (page - 1) * pageSize < main.size; page++) {
    yield* rowsOf(stored(page), page === 1 ? 100 : 0, usable, ways);
  }
  for (const { page, at } of frames) {
    yield* rowsOf(journal!.read(at, pageSize), page === 1 ? 100 : 0, usable, ways);
  }
}

type ReadPage = (page: number) => Buffer;

/** The rows of one page, if it is a leaf of a table. A long row is given once for each way of reading on. */
function* rowsOf(page: Buffer, start: number, usable: number, ways: ReadPage[]): Generator<Row, void> {
  if (page.length < start + 8 || page[start] !== leafTable) return;
  const cells = Math.min(page.readUInt16BE(start + 3), (page.length - start - 8) >> 1);
  for (let i = 0; i < cells; i++) {
    const at = page.readUInt16BE(start + 8 + 2 * i);
    for (const payload of payloadsOf(page, at, usable, ways)) {
      const values = valuesOf(payload.bytes);
      if (values) yield { rowid: payload.rowid, values };
    }
  }
}

function* payloadsOf(page: Buffer, at: number, usable: number, ways: ReadPage[]) {
  const length = varint(page, at);
  const rowid = length && varint(page, length.end);
  if (!rowid || length.value > longestRow) return;
  const local = localLength(length.value, usable);
  const head = page.subarray(rowid.end, rowid.end + local);
  if (head.length < local) return;
  if (local === length.value) {
    yield { rowid: rowid.value, bytes: head };
    return;
  }
  const next = rowid.end + local;
  if (next + 4 > page.length) return;
  for (const way of ways) {
    const bytes = withOverflow(head, page.readUInt32BE(next), length.value, usable, way);
    if (bytes) yield { rowid: rowid.value, bytes };
  }
}

/** How much of a row is in its own page; the rest is in a chain of overflow pages. */
function localLength(length: number, usable: number): number {
  const most = usable - 35;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const local = least + ((length - least) % (usable - 4));
  return local <= most ? local : least;
}

function withOverflow(head: Buffer, first: number, length: number, usable: number, read: ReadPage): Buffer | undefined {
  const parts = [head];
  let missing = length - head.length;
  for (let page = first; missing > 0;) {
    const bytes = page === 0 ? Buffer.alloc(0) : read(page);
    if (bytes.length < usable) return undefined;
    parts.push(bytes.subarray(4, Math.min(usable, 4 + missing)));
    missing -= usable - 4;
    page = bytes.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

/** The columns of a row; undefined where its header contradicts its length. */
function valuesOf(bytes: Buffer): Value[] | undefined {
  const header = varint(bytes, 0);
  if (!header || header.value > bytes.length) return undefined;
  const values: Value[] = [];
  let at = header.value;
  for (let i = header.end; i < header.value;) {
    const type = varint(bytes, i);
    if (!type) return undefined;
    i = type.end;
    const width = widthOf(type.value);
    if (width === undefined || at + width > bytes.length) return undefined;
    values.push(valueOf(type.value, bytes.subarray(at, at + width)));
    at += width;
  }
  return values;
}

const integerWidths = [0, 1, 2, 3, 4, 6, 8];

function widthOf(type: number): number | undefined {
  if (type >= 12) return Math.floor((type - 12) / 2);
  if (type === 7) return 8;
  return type === 8 || type === 9 ? 0 : integerWidths[type];
}

function valueOf(type: number, bytes: Buffer): Value {
  if (type >= 12) return type % 2 === 1 ? { text: bytes.toString("utf8") } : { blob: bytes };
  if (type === 7) return bytes.readDoubleBE(0);
  if (type >= 8) return type - 8;
  if (type === 0) return null;
  return bytes.length === 8 ? Number(bytes.readBigInt64BE(0)) : bytes.readIntBE(0, bytes.length);
}

/** A number of one to nine bytes, seven bits each, highest first, and where it ends. */
function varint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value = i === 8 ? value * 256 + byte : value * 128 + (byte & 0x7f);
    if (i === 8 || byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

/** Page size and the part of it that is used, from the first page's header; ours where that is damaged. */
function shapeOf(header: Buffer): { pageSize: number; usable: number } {
  const usual = { pageSize: usualPageSize, usable: usualPageSize };
  if (header.length < 100 || header.toString("latin1", 0, 15) !== "SQLite format 3") return usual;
  const stored = header.readUInt16BE(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  const isPower = pageSize >= 512 && (pageSize & (pageSize - 1)) === 0;
  return isPower ? { pageSize, usable: pageSize - header[20]! } : usual;
}

/**
 * Where the write-ahead log has which page, oldest first. Frames after a damaged one are taken too, which SQLite would
 * not do: their sums build on each other, but their pages are as good as any.
 */
function framesOf(journal: File, pageSize: number): { page: number; at: number }[] {
  const header = journal.read(0, 32);
  if (header.length < 32) return [];
  const salt = header.subarray(16, 24);
  const frames = [];
  for (let at = 32; at + 24 + pageSize <= journal.size; at += 24 + pageSize) {
    const frame = journal.read(at, 24);
    if (frame.subarray(8, 16).equals(salt)) frames.push({ page: frame.readUInt32BE(0), at: at + 24 });
  }
  return frames;
}

type File = ReturnType<typeof openFile>;

function openFile(path: string) {
  const file = openSync(path, "r");
  return {
    size: fstatSync(file).size,
    /** Up to so many bytes; fewer at the end of the file. */
    read(at: number, length: number): Buffer {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, at));
    },
    close: () => closeSync(file),
  };
}

/** How long things take their time. Milliseconds; each may be varied by chance where many hosts would act at once. */
export interface Timing {
  /** How long the set must be unchanged before it is announced, and how much longer by chance. */
  quiet: number;
  jitter: number;
  /** More jitter for each peer present: what all tell all must spread. */
  jitterPerPeer: number;
  /** Under steady change it is announced this often all the same. */
  announceAtLatest: number;
  /** And no more often than this for each peer present: so often, or rarer, everybody hears an announcement. */
  announcePerPeer: number;
  /** How long a peer's set may differ before it is compared: live traffic explains this much. */
  settle: number;
  /** How often the store is looked at, though nobody said that it changed, and whether to compare sets considered. */
  tick: number;
  /** How often a set is announced, and compared, although nothing speaks for it: words can be lost, and forged. */
  slow: number;
  /** How long a peer has to answer. */
  deadline: number;
  /** How long a peer is left alone after it did not answer: doubled each time, up to the longest. */
  retry: number;
  longestRetry: number;
  /** How long the store is left to other writers between two transactions of a session. */
  rest: number;
  /** Sessions that find nothing make the next ones rarer, up to this: under steady change all sets differ always. */
  longestRestraint: number;
  /** Two live peers of one host id are reported after this time; a peer that died is present for some of it. */
  duplicate: number;
  /** After this time without a replicator the storage is read at start. */
  absence: number;
  /** How long that reading can wait once a peer has brought what it had: it costs what the whole memory weighs. */
  leisure: number;
  /** How often a few records are looked for in the storage, to notice when it was wiped. */
  sample: number;
  /** How much later by chance, for each peer present, what all have seen happen to the storage makes one read it. */
  readPerPeer: number;
  /** How long the storage is left alone after it was looked through for what somebody has done to it. */
  mend: number;
  /** How often the storage of an open mesh is read. */
  reread: number;
  /** Between two pages of records put into the storage. */
  fillPause: number;
  /** How long no more must have come after many records before the store is settled. */
  calm: number;
  /** Between two steps of settling: whoever waits to write asks at least this often (store/patience.ts). */
  settlePause: number;
}

export const usualTiming: Timing = {
  quiet: 1_000,
  jitter: 500,
  jitterPerPeer: 25,
  announceAtLatest: 10_000,
  announcePerPeer: 250,
  settle: 3_000,
  tick: 1_000,
  slow: 300_000,
  deadline: 15_000,
  retry: 2_000,
  longestRetry: 120_000,
  rest: 5,
  longestRestraint: 30_000,
  duplicate: 30_000,
  absence: 60_000,
  leisure: 3_600_000,
  sample: 300_000,
  readPerPeer: 1_000,
  mend: 15_000,
  reread: 120_000,
  fillPause: 20,
  calm: 1_000,
  settlePause: 11,
};

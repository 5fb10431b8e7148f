/** Every bound of the edge that is not a setting, each with its unit. */

export const LIMITS = {
  /** uWebSockets.js cuts past this without a close frame, so it lies well above the limit of the protocol (`WS_LIMITS`). */
  payloadBytesMax: 256 * 1024,
  /** Bytes that wait for a reader before frames are dropped for it. One message more may be under way. */
  backlogBytesMax: 64 * 1024,
  /** Answers are never dropped. When more than this waits for the reader, they are held back; a reader with more than this held back is disconnected. */
  answerBacklogBytesMax: 48 * 1024,
  /**
   * Who has taken nothing of what waits for it for so long is closed: whoever sends pings is never silent, and would cost its backlog for
   * ever. A phone that comes out of a tunnel sooner finds its connection as it was.
   */
  unreadMaxMs: 30_000,
  /**
   * uWebSockets.js pings a socket that was silent for this less 16 seconds, and closes it when it is silent for those too: whoever
   * sends anything, answers to pings if nothing else, stays, for weeks if need be. Past 960 it would end the process.
   */
  idleTimeoutSeconds: 40,
  /** Told to clients in `welcome`: a connection that was silent for much longer than this is dead. */
  heartbeatMs: 25_000,
  /**
   * The part of the process's file descriptors that connections may take. Were there none left, uWebSockets.js would try to accept
   * over and over, and the database, files and the other port would go without.
   */
  descriptorShare: 0.9,
  /** Sockets that are no session, or not yet: so many more than there may be sessions, as a part of those. */
  handshakeShare: 0.05,
  /** Taken for the number of file descriptors where the system does not tell. */
  descriptorsAssumed: 10_000,
  /** Messages that do not parse; the last of them closes the connection. */
  badMessagesMax: 10,
  /** What one connection may be refused as `RATE_LIMITED` before it is closed, in bursts of `COMMANDS_PER_SECOND`: each costs its decoding and an answer. */
  refusedBursts: 2,
  /** What a refused token (its signature was checked for nothing), and a whole hall for who watches it already, count as, in messages. */
  dearMessages: 20,
  /** Showtimes one connection may watch at once. */
  watchedMax: 16,
  /** Commands of one connection that wait for the engine. */
  inFlightMax: 256,
  /** Messages that wait while the token before them is verified. */
  waitingMax: 64,
  /** What a client is told to wait before it asks again, in milliseconds, when a queue is full. */
  comeBackMs: 250,
  /** Lines of the log about tokens that could not be verified share one in this time. */
  unverifiedToldEveryMs: 1_000,
  /** `reauth` comes this long before the token's end. */
  reauthBeforeMs: 60_000,

  /** Showtimes watched at once by all connections together. */
  replicasMax: 20_000,
  /** A replica is kept this long after its last viewer. */
  replicaLingerMs: 30_000,
  /** A replica that heard nothing for this long compares itself with the engine: the last delta may have been lost. */
  replicaCheckMs: 10_000,
  /** Deltas that wait while a replica asks the engine for a view. */
  replicaBacklogMax: 8_192,
  /** Before the engine is asked again for a view that it could not give. */
  replicaRetryMs: 500,
  /** What reconnecting viewers can be resumed from, for each showtime: commits, and seats changed by them all together. */
  ringDeltasMax: 2_048,
  ringChangesMax: 16_384,
  /** Neither is more than so many times the seats that are told then: who missed as much has mostly missed more seats than those, and thousands of halls may be watched. */
  ringTimesResumed: 8,
  /** What was missed is told up to so many seats, or this share of the hall; past both the whole hall is smaller. */
  resumeSeats: 64,
  resumeShare: 0.1,
  /** A frame names up to so many seats, or this share of the hall; past both the whole hall is smaller. */
  frameSeats: 64,
  frameShare: { json: 0.125, msgpack: 0.25 },
  /** Positions from which reconnecting viewers are resumed between two frames of a showtime, besides the one shown now; whoever comes with yet another is shown the whole hall. */
  resumesMax: 64,

  /** Frames of one showtime are at least and at most this far apart. */
  tickMinMs: 20,
  tickMaxMs: 250,
  /** The part of its time that an edge spends on frames at most, before they come less often. */
  fanOutShare: 0.5,

  /** IP addresses and users remembered at once; those without a connection are forgotten first. */
  metersMax: 100_000,
  sweepMs: 5_000,
  /** How often edges tell each other what their busiest addresses and users use, and how long such a word holds. */
  tellEveryMs: 500,
  toldForMs: 2_000,
  /** Addresses and users that are told of at once, the busiest first. */
  toldMax: 128,
  /** An address or user that uses this part of its limit counts as busy. Each edge leaves it that part, whatever the other edges claim to use. */
  busyShare: 0.1,
  /**
   * An edge that so many sweeps in a row have found without its bus sends its clients to others, once. Balancers are told at the first of them,
   * lest they send the clients back.
   */
  cutOffSweeps: 2,
  /** When an edge drains, or is cut off, its clients go elsewhere within this, spread at random, and are served until then. */
  reconnectSpreadMs: 5_000,
  /** How long draining waits for commands under way, then for close frames to be read. */
  drainTimeoutMs: 5_000,
  lingerMs: 200,
} as const;

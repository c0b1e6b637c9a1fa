export {
  type AcceptOptions,
  type Acceptor,
  acceptWebSockets,
  httpServerOptions,
  type RefusedConnection,
} from "./accept-web-sockets.ts";
export {
  type AccessPolicy,
  type Authorize,
  createAuthorize,
  type Refusal,
  SCOPES,
  type Scope,
  type ScopeAccess,
} from "./authorize.ts";
export { type Clock, sleep, systemClock } from "./clock.ts";
export { type ConnectTlsOptions, connectTls } from "./connect-tls.ts";
export { type ConnectOptions, connectWebSocket } from "./connect-web-socket.ts";
export type { Closed, Connection, CoordinatorConnection, WorkerConnection } from "./connection.ts";
export { type Decoded, Decoder } from "./decoder.ts";
export { encode } from "./encode.ts";
export { fingerprintOf, parseFingerprint } from "./fingerprint.ts";
export { isLoopback } from "./is-loopback.ts";
export {
  CHUNK_BYTES,
  CLOSE_MS,
  CONNECT_MS,
  HELLO_MS,
  LIMITS_AFTER_HELLO,
  LIMITS_BEFORE_HELLO,
  limitsForFloats,
  type MessageLimits,
  UPGRADE_MS,
} from "./limits.ts";
export { CLOSE_CODES, MalformedFrame } from "./malformed-frame.ts";
export { createMemoryTransport, type MemoryTransportOptions } from "./memory-transport.ts";
export {
  type CoordinatorMessage,
  type Lease,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  type Result,
  type Welcome,
  type WorkerMessage,
  type WorkerWait,
} from "./messages.ts";
export { negotiateVersion, type VersionRange } from "./negotiate-version.ts";
export { packGradient, unpackGradient } from "./packed-gradient.ts";
export { ProtocolError } from "./protocol-error.ts";
export { coordinatorVocabulary, type Vocabulary, workerVocabulary } from "./vocabulary.ts";

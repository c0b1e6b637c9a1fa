import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopback } from "./is-loopback.ts";

/**
 * What a token lets its holder do: `worker` computes for the run, `observer` reads its status and metrics,
 * `admin` steers it (and reads them too).
 */
export const SCOPES = ["worker", "observer", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who may use a scope: everybody who reaches the port, the holders of a token, or nobody. */
export type ScopeAccess =
  | { readonly type: "open" }
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "closed" };

export interface AccessPolicy {
  readonly scopes: { readonly [S in Scope]: ScopeAccess };
  /**
   * True where the server listens on a loopback address. A request without a token must then name a loopback
   * host too: a web page whose own name was made to resolve to 127.0.0.1 (DNS rebinding) names another one.
   */
  readonly isLoopback: boolean;
  /** Values of the Origin header that are let in. Programs send none; a browser always does. Default: none. */
  readonly originsAllowed?: readonly string[];
}

/** Why a request is not answered, as HTTP. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly reason: string;
}

/**
 * Decides whether a request may have what `scope` protects; `anyone` needs no token, but still a decent Host
 * and Origin. Returns null if it may, else what to answer.
 */
export type Authorize = (request: IncomingMessage, scope: Scope | "anyone") => Refusal | null;

/** Scopes that a token of each scope holds. */
const granted: { readonly [S in Scope]: readonly Scope[] } = {
  worker: ["worker"],
  observer: ["observer"],
  admin: ["admin", "observer"],
};

/**
 * The one place that looks at tokens. Digests are compared, which have one length, in constant time, and
 * every token that there is, so that neither a prefix, nor the length, nor the scope shows in the time.
 */
export function createAuthorize(policy: AccessPolicy): Authorize {
  const known = SCOPES.flatMap((scope) => {
    const access = policy.scopes[scope];
    return access.type === "token" ? [{ scope, digest: digestOf(`Bearer ${access.token}`) }] : [];
  });
  return (request, scope) => {
    const { origin, authorization, host } = request.headers;
    if (origin !== undefined && !(policy.originsAllowed ?? []).includes(origin)) {
      return { status: 403, reason: `origin ${JSON.stringify(origin)} is not allowed` };
    }
    const presented = digestOf(authorization ?? "");
    const held = known.filter(({ digest }) => timingSafeEqual(digest, presented));
    if (scope !== "anyone" && held.some((token) => granted[token.scope].includes(scope))) return null;
    if (policy.isLoopback && !isLoopback(hostName(host))) {
      return {
        status: 403,
        reason: `host ${JSON.stringify(host ?? "")} is not this machine; without a token, use 127.0.0.1 or localhost`,
      };
    }
    if (scope === "anyone" || policy.scopes[scope].type === "open") return null;
    if (policy.scopes[scope].type === "closed") return { status: 403, reason: `nobody is ${scope} here` };
    const other = held[0];
    if (other !== undefined) {
      return { status: 403, reason: `the token is the ${other.scope}'s, expected the ${scope}'s` };
    }
    return { status: 401, reason: `the ${scope}'s token is missing or wrong` };
  };
}

/** `[::1]:8471` without its port. */
function hostName(host: string | undefined): string {
  return (host ?? "").replace(/:\d*$/, "");
}

function digestOf(value: string): Buffer {
  return createHash("sha256").update(value).digest();
}

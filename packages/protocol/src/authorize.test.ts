import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { type AccessPolicy, createAuthorize, SCOPES } from "./authorize.ts";
import { isLoopback } from "./is-loopback.ts";

const tokens: AccessPolicy["scopes"] = {
  worker: { type: "token", token: "worker-token-0123456789" },
  observer: { type: "token", token: "observer-token-0123456789" },
  admin: { type: "token", token: "admin-token-0123456789" },
};
const local: AccessPolicy["scopes"] = {
  worker: { type: "open" },
  observer: { type: "open" },
  admin: { type: "token", token: "admin-token-0123456789" },
};

/** A request with these headers; nothing else of it is looked at. */
const request = (headers: IncomingHttpHeaders) => ({ headers }) as IncomingMessage;
const bearer = (token: string) => request({ host: "10.1.2.3:8471", authorization: `Bearer ${token}` });

describe("a token", () => {
  const authorize = createAuthorize({ scopes: tokens, isLoopback: false });

  test("gives its own scope and no other, but for the admin's, which reads too", () => {
    const table = SCOPES.map((holder) =>
      SCOPES.map((scope) => authorize(bearer(`${holder}-token-0123456789`), scope)?.status ?? 200),
    );
    expect(table).toEqual([
      // worker, observer, admin
      [200, 403, 403],
      [403, 200, 403],
      [403, 200, 200],
    ]);
  });

  test.each([
    undefined,
    "",
    "Bearer ",
    "Bearer worker-token-012345678",
    "Bearer worker-token-01234567890",
    "bearer worker-token-0123456789",
    "worker-token-0123456789",
  ])("is not %j", (authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    expect(authorize(request(headers), "worker")).toEqual({
      status: 401,
      reason: "the worker's token is missing or wrong",
    });
  });

  test("is not asked for where anyone may look", () => {
    expect(authorize(request({ host: "10.1.2.3" }), "anyone")).toBeNull();
  });
});

describe("on a loopback address", () => {
  const authorize = createAuthorize({ scopes: local, isLoopback: true });

  test.each(["127.0.0.1:8471", "127.8.9.1", "localhost:8471", "LOCALHOST", "[::1]:8471", "run.localhost"])(
    "workers and observers need no token when they name %s",
    (host) => {
      expect(authorize(request({ host }), "worker")).toBeNull();
      expect(authorize(request({ host }), "observer")).toBeNull();
    },
  );

  test("the admin needs one", () => {
    expect(authorize(request({ host: "localhost" }), "admin")?.status).toBe(401);
    expect(
      authorize(request({ host: "localhost", authorization: "Bearer admin-token-0123456789" }), "admin"),
    ).toBeNull();
  });

  test.each([
    undefined,
    "",
    "evil.example",
    "127.0.0.1.evil.example:8471",
    "localhost.evil.example",
    "10.0.0.1",
  ])("a request without a token that names host %j is refused: a web page may have made it", (host) => {
    const headers = host === undefined ? {} : { host };
    for (const scope of ["worker", "observer", "anyone"] as const) {
      expect(authorize(request(headers), scope)).toMatchObject({ status: 403 });
    }
  });
});

test("an Origin is refused unless it is allowed, token or not", () => {
  const scopes = tokens;
  const headers = {
    host: "10.1.2.3",
    authorization: "Bearer worker-token-0123456789",
    origin: "https://a.example",
  };
  expect(createAuthorize({ scopes, isLoopback: false })(request(headers), "worker")?.status).toBe(403);
  expect(
    createAuthorize({ scopes, isLoopback: false, originsAllowed: ["https://a.example"] })(
      request(headers),
      "worker",
    ),
  ).toBeNull();
});

test("a closed scope is nobody's", () => {
  const authorize = createAuthorize({ scopes: { ...local, admin: { type: "closed" } }, isLoopback: true });
  expect(authorize(request({ host: "localhost" }), "admin")).toEqual({
    status: 403,
    reason: "nobody is admin here",
  });
});

test("only addresses and the reserved name are loopback", () => {
  const here = ["127.0.0.1", "127.255.0.9", "::1", "[::1]", "localhost", "a.localhost", "::ffff:127.0.0.1"];
  const elsewhere = [
    "",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.example",
    "127.0.0.1.example",
    "1270.0.0.1",
    "localhost.example",
  ];
  expect([...here, ...elsewhere].filter(isLoopback)).toEqual(here);
});

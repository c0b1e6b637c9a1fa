import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAuthorize } from "@shoal/protocol";
import { afterEach, expect, test } from "vitest";
import { answerText, type EndpointHandlers, serveEndpoints } from "./endpoints.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ok: EndpointHandlers = {
  "GET /healthz": (_, response) => answerText(response, 200, "ok"),
  "GET /status": (_, response) => answerText(response, 200, "status"),
  "POST /stop": (_, response) => answerText(response, 202, "stopping"),
};

/** A real server with these handlers; asks it and gives status and text. */
async function serve(handlers: EndpointHandlers, failures: unknown[] = []) {
  const authorize = createAuthorize({
    scopes: {
      worker: { type: "closed" },
      observer: { type: "token", token: "observer-0123456789" },
      admin: { type: "token", token: "admin-0123456789" },
    },
    isLoopback: true,
  });
  const server = createServer(serveEndpoints(authorize, handlers, (...failure) => failures.push(failure)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async (method: string, path: string, token?: string, more: Record<string, string> = {}) => {
    const headers = { ...more, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
    return [response.status, (await response.text()).trim()];
  };
}

test("an endpoint answers whoever holds the scope that its line in the table names", async () => {
  const ask = await serve(ok);
  expect(await ask("GET", "/healthz")).toEqual([200, "ok"]);
  expect(await ask("GET", "/status")).toEqual([401, "the observer's token is missing or wrong"]);
  expect(await ask("GET", "/status?pretty", "observer-0123456789")).toEqual([200, "status"]);
  expect(await ask("GET", "/status", "admin-0123456789")).toEqual([200, "status"]);
  expect(await ask("POST", "/stop", "observer-0123456789")).toEqual([
    403,
    "the token is the observer's, expected the admin's",
  ]);
  expect(await ask("POST", "/stop", "admin-0123456789")).toEqual([202, "stopping"]);
});

test("HEAD is a GET without its text; another method or path is not found, whoever asks", async () => {
  const ask = await serve(ok);
  expect(await ask("HEAD", "/healthz")).toEqual([200, ""]);
  expect(await ask("GET", "/stop", "admin-0123456789")).toEqual([404, "there is no GET /stop here"]);
  expect(await ask("GET", "/metrics", "admin-0123456789")).toEqual([404, "there is no GET /metrics here"]);
  expect(await ask("GET", "/constructor")).toEqual([404, "there is no GET /constructor here"]);
});

test("a web page is refused everywhere, also where anyone may look", async () => {
  const ask = await serve(ok);
  for (const path of ["/healthz", "/status", "/nowhere"]) {
    expect(await ask("GET", path, undefined, { origin: "https://evil.example" })).toEqual([
      403,
      'origin "https://evil.example" is not allowed',
    ]);
  }
});

test("a handler that throws is reported and answered 500, and the next request is served", async () => {
  const failures: unknown[] = [];
  const broken = new Error("broken");
  const ask = await serve(
    {
      ...ok,
      "GET /readyz": () => {
        throw broken;
      },
      "GET /status": () => Promise.reject(broken),
    },
    failures,
  );
  expect((await ask("GET", "/readyz"))[0]).toBe(500);
  expect((await ask("GET", "/status", "admin-0123456789"))[0]).toBe(500);
  expect(failures).toEqual([
    ["GET /readyz", broken],
    ["GET /status", broken],
  ]);
  expect(await ask("GET", "/healthz")).toEqual([200, "ok"]);
});

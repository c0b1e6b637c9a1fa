import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Authorize, Refusal, Scope } from "@shoal/protocol";

/**
 * What each endpoint of the coordinator's port needs, declared once: an endpoint without a line here cannot
 * be served. `anyone` is for probes, which say nothing of the run but yes or no. A worker's WebSocket is the
 * upgrade of `GET /`, which is checked in `acceptWebSockets`.
 */
export const endpointScopes = {
  "GET /": "anyone",
  "GET /healthz": "anyone",
  "GET /readyz": "anyone",
  "GET /status": "observer",
  "GET /metrics": "observer",
  "POST /pause": "admin",
  "POST /resume": "admin",
  "POST /drain": "admin",
  "POST /stop": "admin",
} as const satisfies Readonly<Record<string, Scope | "anyone">>;

export type Endpoint = keyof typeof endpointScopes;

/** Answers a request that may be answered. What it throws, or rejects with, becomes a 500. */
export type EndpointHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export type EndpointHandlers = { readonly [E in Endpoint]?: EndpointHandler };

/**
 * The request listener of the coordinator's server: path, then Host, Origin and token by `endpointScopes`,
 * then the handler. Bodies of requests are not read; the next request of the connection skips them.
 *
 * @param onError told what a handler threw, which is a bug
 */
export function serveEndpoints(
  authorize: Authorize,
  handlers: EndpointHandlers,
  onError: (endpoint: string, error: unknown) => void,
): RequestListener {
  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0]!;
    const method = request.method === "HEAD" ? "GET" : request.method;
    const key = `${method} ${path}`;
    // Asked before the path is looked up: a stranger learns nothing of what is here.
    const refused = authorize(request, isEndpoint(key) ? endpointScopes[key] : "anyone");
    if (refused !== null) return refuse(response, refused);
    const handler = isEndpoint(key) ? handlers[key] : undefined;
    if (handler === undefined) return answerText(response, 404, `there is no ${key} here`);
    Promise.resolve()
      .then(() => handler(request, response))
      .catch((error: unknown) => {
        onError(key, error);
        if (response.headersSent) response.destroy();
        else answerText(response, 500, "this is a bug of the coordinator; its log says more");
      });
  };
}

/** Answers with one line of text. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  answer(response, status, "text/plain; charset=utf-8", `${text}\n`);
}

/** Answers with a whole body, which no cache keeps; a HEAD request gets the headers alone. */
export function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(body);
}

function refuse(response: ServerResponse, { status, reason }: Refusal): void {
  if (status === 401) response.setHeader("www-authenticate", "Bearer");
  answerText(response, status, reason);
}

function isEndpoint(key: string): key is Endpoint {
  return Object.hasOwn(endpointScopes, key);
}

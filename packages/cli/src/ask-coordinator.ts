import { request } from "node:http";
import type { Socket } from "node:net";
import { hostname } from "node:os";
import { ShoalError } from "@shoal/core/outer";
import { connectTls, ProtocolError, type Scope } from "@shoal/protocol";
import type { FoundCoordinator } from "./find-coordinator.ts";
import { duration } from "./format.ts";

/** Longest wait for an answer, in ms. */
const ANSWER_MS = 5_000;

/** Longest answer that is read, in bytes. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** What is asked, and what it needs. */
export interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly scope: Exclude<Scope, "worker">;
}

/**
 * Asks a coordinator.
 *
 * @returns the body of its answer
 * @throws {ProtocolError} E_CERTIFICATE if its certificate is wrong, before any token is sent
 * @throws {ShoalError} E_CONNECT if it does not answer; E_TOKEN if it wants another token; E_REFUSED if it
 *   answers with another error
 */
export async function askCoordinator(coordinator: FoundCoordinator, question: Question): Promise<string> {
  const { tokens } = coordinator;
  const token = tokens[question.scope] ?? tokens.admin;
  const { status, body } = await send(coordinator, question, token);
  if (status >= 200 && status < 300) return body;
  const said = `${coordinator.url}${question.path.split("?", 1)[0]!}: ${body.trim().slice(0, 500)}`;
  if (status === 401 || status === 403) {
    throw new ShoalError(
      "E_TOKEN",
      `${said}; expected the ${question.scope}'s token: name the run directory, or its file with --token-file`,
    );
  }
  // What a coordinator says of the run is a whole answer; a path that is not there is one of another version.
  const hint = body.startsWith("there is no POST") || body.startsWith("there is no GET") || status >= 500;
  throw new ShoalError(
    "E_REFUSED",
    `${said}${hint ? ` (HTTP ${status}); is this a coordinator of this version?` : ""}`,
  );
}

async function send(
  coordinator: FoundCoordinator,
  { method, path }: Question,
  token: string | undefined,
): Promise<{ readonly status: number; readonly body: string }> {
  const { protocol, host, hostname, port } = new URL(coordinator.url);
  const secured = protocol === "https:" ? await secure(coordinator) : null;
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(unreachable(coordinator, reason));
    const call = request(
      // HTTP over a connection whose certificate is verified already: the token goes to nobody else.
      `http://${secured === null ? host : `${hostname}:${port || 443}`}${path}`,
      {
        method,
        ...(secured === null ? { agent: false } : { createConnection: () => secured }),
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(ANSWER_MS),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) call.destroy(new Error(`more than ${ANSWER_BYTES_MAX} bytes came`));
          else chunks.push(chunk);
        });
        response.once("error", (error) => fail(reasonOf(error)));
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
      },
    );
    call.once("error", (error) => fail(reasonOf(error)));
    call.end();
  });
}

/** A connection to the coordinator with the right certificate. */
async function secure(coordinator: FoundCoordinator): Promise<Socket> {
  const { url, fingerprint } = coordinator;
  try {
    return await connectTls(new URL(url), { fingerprint, timeoutMs: ANSWER_MS });
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "E_CONNECT") throw error;
    throw unreachable(coordinator, error.message.replace(/^no coordinator at \S+: /, ""));
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.name === "TimeoutError" || error.name === "AbortError") {
    return `no answer within ${duration(ANSWER_MS)}: it is stopped, or too busy`;
  }
  return error.message === "" ? (error.code ?? "no answer") : error.message;
}

function unreachable({ url, run }: FoundCoordinator, reason: string): ShoalError {
  if (run === null) {
    return new ShoalError("E_CONNECT", `no coordinator at ${url}: ${reason}; check host and port`);
  }
  const { pid, host } = run.rendezvous;
  const who = `${run.directory}: its coordinator (process ${pid} on ${host})`;
  const again = `go on with the run by: npx shoal train --run-dir ${run.directory} --resume`;
  if (host !== hostname()) {
    return new ShoalError(
      "E_CONNECT",
      `${who} does not answer at ${url}: ${reason}; if it is gone, ${again}`,
    );
  }
  if (!isRunning(pid)) return new ShoalError("E_CONNECT", `${who} is gone without a word; ${again}`);
  return new ShoalError(
    "E_CONNECT",
    `${who} is there, but does not answer at ${url}: ${reason}; wait, or end it, then ${again}`,
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

import { readFileSync } from "node:fs";
import { parseRendezvous, type Rendezvous } from "@shoal/coordinator";
import { connectWebSocket, ProtocolError, type WorkerConnection } from "@shoal/protocol";
import { readToken } from "./token.ts";

/**
 * How long a coordinator that is not the one of the file (another certificate, another token) is taken for
 * one that came in the place of ours, whose new file is still to come, in ms.
 */
const WRONG_MS = 15_000;

/**
 * Finds the coordinator by its rendezvous file, which is read again for every connection: a coordinator that
 * was started again on another machine or port is found there.
 */
export class RendezvousMeeting {
  readonly #file: string;
  readonly #tokenFile: string | undefined;
  readonly #nowMs: () => number;
  /** The file as it was when it first led to a wrong server. */
  #wrong: { readonly text: string; readonly sinceMs: number } | null = null;
  #isComplete = false;

  /** @param tokenFile instead of the one that the file names */
  constructor(file: string, tokenFile: string | undefined, nowMs: () => number = () => performance.now()) {
    this.#file = file;
    this.#tokenFile = tokenFile;
    this.#nowMs = nowMs;
  }

  /** True once the file has said that the run is complete: there is nothing left to join. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * Makes one attempt.
   *
   * @throws {ProtocolError} E_CONNECT where it is worth trying again: no file yet, no answer, a run that was
   *   stopped; E_REFUSED where the file is no rendezvous or the run is complete; what `connectWebSocket` throws
   */
  async connect(signal: AbortSignal): Promise<WorkerConnection> {
    const text = this.#read();
    const rendezvous = this.#parse(text);
    const { url, fingerprint, tokenFile } = rendezvous;
    const token = readToken(this.#tokenFile ?? tokenFile ?? undefined);
    try {
      const connection = await connectWebSocket(url, { token, fingerprint, signal });
      this.#wrong = null;
      return connection;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code === "E_CONNECT") throw error;
      // The server is not ours: perhaps ours is gone, and comes again with a new file.
      if (this.#wrong?.text !== text) this.#wrong = { text, sinceMs: this.#nowMs() };
      const isFinal = this.#nowMs() - this.#wrong.sinceMs >= WRONG_MS;
      throw isFinal ? error : new ProtocolError("E_CONNECT", error.message, { cause: error });
    }
  }

  #read(): string {
    try {
      return readFileSync(this.#file, "utf8");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") {
        throw new ProtocolError(
          "E_CONNECT",
          `${this.#file} is not there yet; a coordinator writes it into its run directory when it starts`,
        );
      }
      throw new ProtocolError(
        "E_REFUSED",
        `${this.#file}: expected a rendezvous file, cannot read it: ${message}; only the user who started the coordinator can`,
      );
    }
  }

  #parse(text: string): Rendezvous {
    const rendezvous = parseRendezvous(text);
    if (rendezvous === null) {
      throw new ProtocolError(
        "E_REFUSED",
        `${this.#file}: expected the rendezvous.json of a run directory, got ${JSON.stringify(text.slice(0, 40))}; name that file`,
      );
    }
    if (rendezvous.ended === "complete") {
      this.#isComplete = true;
      throw new ProtocolError("E_REFUSED", "the run is complete");
    }
    if (rendezvous.ended !== null) {
      throw new ProtocolError(
        "E_CONNECT",
        `the run of ${this.#file} has ${rendezvous.ended === "failed" ? "failed" : "been stopped"}, and may be resumed`,
      );
    }
    return rendezvous;
  }
}

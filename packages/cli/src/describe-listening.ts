import { join } from "node:path";
import { RENDEZVOUS_FILE } from "@shoal/coordinator";
import type { Invocation } from "./command.ts";
import type { Listening } from "./secure-listening.ts";

/** Where a coordinator listens, and what for. */
export interface Place extends Listening {
  /** As other machines should write it. */
  readonly url: string;
  /** True if the workers of this command are all that it waits for. */
  readonly isAlone: boolean;
  readonly runDirectory: { readonly path: string } | null;
}

/** Says where a coordinator listens, what protects it, and how a worker gets there. */
export function describeListening({ terminal, values }: Invocation, place: Place): void {
  const { url, isAlone, certificate, needsToken, tokenFile, runDirectory } = place;
  if (isAlone && certificate === null && !needsToken) return;
  const worker = [
    `npx shoal worker --url ${url}`,
    ...(certificate?.isOwn === true ? [`--fingerprint ${certificate.fingerprint}`] : []),
    ...(needsToken ? ["--token-file FILE"] : []),
  ];
  terminal.line(`listening on ${url}; on this or other machines run:`);
  terminal.line(`  ${worker.join(" ")}`);
  if (runDirectory !== null) {
    terminal.line(`  npx shoal worker --rendezvous ${join(runDirectory.path, RENDEZVOUS_FILE)}`);
  }
  if (certificate !== null) {
    const whose = certificate.isOwn ? "the coordinator's own" : values["tls-cert"]!;
    terminal.line(`  certificate  ${whose}, sha256 ${certificate.fingerprint}`);
  }
  if (needsToken && tokenFile !== null)
    terminal.line(`  tokens       ${tokenFile} (worker, observer, admin)`);
}

import { type Status, statusSchema } from "@shoal/coordinator";
import { ShoalError } from "@shoal/core/outer";
import { askCoordinator } from "./ask-coordinator.ts";
import type { FoundCoordinator } from "./find-coordinator.ts";

/**
 * What a coordinator says of its run.
 *
 * @throws {ShoalError} as `askCoordinator`; E_REFUSED if the answer is none that this version reads
 */
export async function readStatus(coordinator: FoundCoordinator): Promise<Status> {
  const body = await askCoordinator(coordinator, { method: "GET", path: "/status", scope: "observer" });
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    json = null;
  }
  const parsed = statusSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new ShoalError(
    "E_REFUSED",
    `${coordinator.url}/status: expected a status in the format of this version, got ` +
      `${parsed.error.issues[0]!.path.join(".")}: ${parsed.error.issues[0]!.message}; ` +
      "use the version of Shoal that the coordinator has",
  );
}

import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where packed stores and downloads are kept unless a directory is named: SHOAL_CACHE_DIR, else `shoal`
 * below the platform's directory for caches.
 */
export function defaultCacheDir(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  const named = environment.SHOAL_CACHE_DIR;
  if (named !== undefined && named !== "") return named;
  if (platform === "win32") return join(environment.LOCALAPPDATA ?? join(home, "AppData", "Local"), "shoal");
  if (platform === "darwin") return join(home, "Library", "Caches", "shoal");
  return join(environment.XDG_CACHE_HOME || join(home, ".cache"), "shoal");
}

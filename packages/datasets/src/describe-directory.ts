import { readdir } from "node:fs/promises";

/** What is in a directory, for a message that says what is missing. */
export async function describeDirectory(directory: string): Promise<string> {
  try {
    const names = (await readdir(directory)).sort();
    if (names.length === 0) return "an empty directory";
    const shown = names.slice(0, 5).join(", ");
    return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "no such directory";
    if (code === "ENOTDIR") return "a file of that name";
    return (error as Error).message;
  }
}

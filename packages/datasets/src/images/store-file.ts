import { readFile } from "node:fs/promises";
import { storeHeaderBytesMax } from "../limits.ts";
import { createImageStore, type ImageStore } from "./image-store.ts";

/**
 * The packed store's file: the 8 characters `SHOALPK1`, the header's length as uint32 (little-endian),
 * the header as JSON (everything of the store but its pixels), then the pixels.
 */
const magic = "SHOALPK1";
const prefixBytes = magic.length + 4;

type Header = Omit<ImageStore, "pixels">;

export type StoreReading =
  | { readonly type: "read"; readonly store: ImageStore }
  | { readonly type: "missing" }
  | { readonly type: "rejected"; readonly reason: string };

/** The bytes of a store's file, in two pieces. */
export function encodeStore(store: ImageStore): readonly Uint8Array[] {
  const { pixels, ...header } = store;
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(prefixBytes + json.length);
  prefix.write(magic, "latin1");
  prefix.writeUInt32LE(json.length, magic.length);
  json.copy(prefix, prefixBytes);
  return [prefix, pixels];
}

/**
 * Reads a store's file and verifies its content hash (25 MB: about 30 ms).
 *
 * A file that is cut off, overwritten or of another format is `rejected`, never half used.
 */
export async function readStoreFile(path: string): Promise<StoreReading> {
  try {
    return decodeStore(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { type: "missing" };
    return { type: "rejected", reason: `cannot be read: ${(error as Error).message}` };
  }
}

function decodeStore(bytes: Buffer): StoreReading {
  if (bytes.length < prefixBytes || bytes.toString("latin1", 0, magic.length) !== magic) {
    return rejected(`does not begin with ${magic}`);
  }
  const headerBytes = bytes.readUInt32LE(magic.length);
  const pixelsStart = prefixBytes + headerBytes;
  if (headerBytes > storeHeaderBytesMax || pixelsStart > bytes.length)
    return rejected("its header is cut off");
  const header = parseHeader(bytes.toString("utf8", prefixBytes, pixelsStart));
  if (header === null) return rejected("its header is not one of ours");
  const pixelCount = header.classNames.length * header.examplesPerClass * header.height * header.width;
  if (bytes.length - pixelsStart !== pixelCount) {
    return rejected(`expected ${pixelCount} bytes of pixels, got ${bytes.length - pixelsStart}`);
  }
  const { contentHash, ...parts } = header;
  const store = createImageStore({ ...parts, pixels: bytes.subarray(pixelsStart) });
  return store.contentHash === contentHash
    ? { type: "read", store }
    : rejected(`its content hash is ${store.contentHash}, its header says ${contentHash}`);
}

function rejected(reason: string): StoreReading {
  return { type: "rejected", reason };
}

function parseHeader(json: string): Header | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  return isHeader(value) ? value : null;
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Record<string, unknown>;
  const isCount = (key: string) => Number.isSafeInteger(header[key]) && (header[key] as number) > 0;
  return (
    typeof header.recipe === "string" &&
    typeof header.origin === "string" &&
    typeof header.contentHash === "string" &&
    isCount("height") &&
    isCount("width") &&
    isCount("examplesPerClass") &&
    Array.isArray(header.classNames) &&
    header.classNames.every((name) => typeof name === "string")
  );
}

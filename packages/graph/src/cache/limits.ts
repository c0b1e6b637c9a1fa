/** Bytes of all graphs that are kept in one directory; the least recently used ones go first. */
export const CACHE_BYTES_MAX = 256 * 2 ** 20;

/** Age at which a temporary file belongs to a process that is gone, in ms. */
export const TEMPORARY_FILE_AGE_MS = 60 * 60 * 1000;

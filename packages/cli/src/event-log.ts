import { mkdirSync, openSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { pino } from "pino";
import { usageError } from "./usage-error.ts";
import { version } from "./version.ts";

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A file with one JSON object per event, for machines that collect logs. */
export interface EventLog {
  write(level: LogLevel, event: string, fields: object): void;
  close(): void;
}

/** Most characters that wait while the disk does not take them; more are dropped. */
const BUFFER_MAX = 1 << 20;

/** Members that are never written, should an event ever hold one. */
const SECRETS = [
  "token",
  "tokens",
  "authorization",
  "key",
  "*.token",
  "*.tokens",
  "*.authorization",
  "*.key",
];

/** A log that nobody asked for. */
export const noLog: EventLog = { write() {}, close() {} };

/**
 * Appends to `file`: level, time, origin (command, host, process, version), then the event's own members.
 *
 * Each line is written before the call returns (about 20 us), so that nothing is missing when the process
 * is killed. A disk that does not take it any more is told to `onFailure`, once, and ends the log alone.
 *
 * @throws {ShoalError} E_USAGE if the file cannot be opened
 */
export function openEventLog(
  file: string,
  options: {
    readonly level: LogLevel;
    readonly command: string;
    readonly onFailure: (message: string) => void;
  },
): EventLog {
  let fd: number;
  try {
    mkdirSync(dirname(file), { recursive: true });
    fd = openSync(file, "a");
  } catch (error) {
    throw usageError(`--log: cannot write ${file}: ${(error as Error).message}; name another file`);
  }
  const destination = pino.destination({ fd, sync: true, maxLength: BUFFER_MAX });
  let isWorking = true;
  destination.on("error", (error: Error) => {
    if (isWorking) options.onFailure(`--log: ${file} cannot be written any more: ${error.message}`);
    isWorking = false;
  });
  const logger = pino(
    {
      level: options.level,
      // Nested: events name the hosts and processes of others.
      base: { origin: { command: options.command, host: hostname(), pid: process.pid, version } },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: SECRETS, remove: true },
    },
    destination,
  );
  const onCrash = (error: Error): void => {
    if (isWorking) logger.error({ event: "crash", message: error.message, stack: error.stack });
  };
  process.on("uncaughtExceptionMonitor", onCrash);
  return {
    write(level, event, fields) {
      if (isWorking) logger[level]({ event, ...fields });
    },
    close() {
      process.off("uncaughtExceptionMonitor", onCrash);
      isWorking = false;
      destination.end();
    },
  };
}

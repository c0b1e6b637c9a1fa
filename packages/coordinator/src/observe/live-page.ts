import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The live page, whole, and the policy under which a browser may show it. */
export interface LivePage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/**
 * Puts the page together from `packages/coordinator/page`: one document without external resources. The
 * policy lets in exactly its own script and style, by their hashes, and connections to the coordinator.
 */
export function readLivePage(): LivePage {
  const read = (name: string): string => readFileSync(new URL(`../../page/${name}`, import.meta.url), "utf8");
  const [style, script] = [read("page.css"), read("page.js")];
  const html = read("page.html")
    .replace("/* page.css */", () => style)
    .replace("/* page.js */", () => script);
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, contentSecurityPolicy };
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

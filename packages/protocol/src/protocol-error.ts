/**
 * A connection that could not be made, for a reason that a person can act on.
 *
 * Codes: `E_CONNECT` (nobody answers there; trying again may help), `E_TOKEN` (the token is missing or
 * wrong), `E_CERTIFICATE` (the server's certificate is not the one that was expected), `E_REFUSED` (the other
 * side answered, and is no coordinator or wants no worker).
 */
export class ProtocolError extends Error {
  readonly code: "E_CONNECT" | "E_TOKEN" | "E_CERTIFICATE" | "E_REFUSED";

  constructor(code: ProtocolError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProtocolError";
    this.code = code;
  }
}

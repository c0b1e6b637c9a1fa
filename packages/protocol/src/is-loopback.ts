import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** True if `host`, an address or a name, can only ever mean this machine: `localhost`, `127.x.y.z`, `::1`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  const family = isIP(bare);
  // A name such as 127.0.0.1.example.org may resolve to anything; only localhost is reserved (RFC 6761).
  if (family === 0) return bare === "localhost" || bare.endsWith(".localhost");
  return loopback.check(bare, family === 4 ? "ipv4" : "ipv6");
}

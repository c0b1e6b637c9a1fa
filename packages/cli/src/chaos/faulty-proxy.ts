import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the next connection goes; null: nobody is there. */
export type Target = () => { readonly host: string; readonly port: number } | null;

export type Direction = "up" | "down";

interface Link {
  /** To the worker. */
  readonly near: Socket;
  /** To the coordinator. */
  readonly far: Socket;
  /** Both sides have spoken: the upgrade is over. */
  isOpen: boolean;
  /** The bit to change of the next data, by direction. */
  readonly corrupt: { up: number | null; down: number | null };
}

/** A TCP proxy on 127.0.0.1 in front of one worker's coordinator, which can do what networks do. */
export class FaultyProxy {
  readonly #server: Server;
  readonly #target: Target;
  readonly #links = new Set<Link>();
  #stalled: Promise<void> | null = null;
  #delayMs = 0;

  private constructor(target: Target) {
    this.#target = target;
    this.#server = createServer((near) => this.#join(near));
  }

  static async listen(target: Target): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** True while a connection is past its upgrade. */
  get isConnected(): boolean {
    return [...this.#links].some(({ isOpen }) => isOpen);
  }

  /** Ends every connection, on both sides. */
  cut(how: "end" | "reset"): void {
    for (const { near, far } of this.#links) {
      for (const socket of [near, far]) {
        if (how === "end") socket.destroy();
        else socket.resetAndDestroy();
      }
    }
  }

  /** Holds everything for `ms`, in both directions; nothing is lost. */
  async stall(ms: number): Promise<void> {
    this.#stalled = sleep(ms);
    await this.#stalled;
    this.#stalled = null;
  }

  /** Holds every piece of data for `delayMs`, for `ms`. */
  async delay(ms: number, delayMs: number): Promise<void> {
    this.#delayMs = delayMs;
    await sleep(ms);
    this.#delayMs = 0;
  }

  /**
   * Changes one bit of the next data in a direction on every connection that is past its upgrade.
   *
   * @param bit counts from the beginning of that data, and round it
   */
  corrupt(direction: Direction, bit: number): void {
    for (const { isOpen, corrupt } of this.#links) if (isOpen) corrupt[direction] = bit;
  }

  async close(): Promise<void> {
    this.cut("end");
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket): void {
    const target = this.#target();
    if (target === null) {
      near.destroy();
      return;
    }
    const far = connect(target);
    const link: Link = { near, far, isOpen: false, corrupt: { up: null, down: null } };
    this.#links.add(link);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      // What went wrong with one side, the other learns by its end.
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#links.delete(link);
        near.destroy();
        far.destroy();
      });
    }
    far.once("data", () => {
      link.isOpen = true;
    });
    const pass = (from: Socket, to: Socket, direction: Direction): void => {
      pipeline(from, (data: AsyncIterable<Buffer>) => this.#disturb(data, link, direction), to).catch(() => {
        near.destroy();
        far.destroy();
      });
    };
    pass(near, far, "up");
    pass(far, near, "down");
  }

  async *#disturb(
    data: AsyncIterable<Buffer>,
    { corrupt }: Link,
    direction: Direction,
  ): AsyncGenerator<Buffer> {
    for await (const piece of data) {
      if (this.#delayMs > 0) await sleep(this.#delayMs);
      if (this.#stalled !== null) await this.#stalled;
      const bit = corrupt[direction];
      if (bit !== null) {
        corrupt[direction] = null;
        piece[(bit >>> 3) % piece.length]! ^= 1 << (bit & 7);
      }
      yield piece;
    }
  }
}

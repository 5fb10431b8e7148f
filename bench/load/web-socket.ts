/**
 * A WebSocket client for load. It reads into one buffer for all connections, parses no more than it must, takes frames that are ready to
 * send and masks with zeros (RFC 6455, 5.3 allows any mask), so that the generator costs less than the server that shares the machine with
 * it. Not for use against anything that is not trusted.
 */
import { connect, type Socket } from "node:net";
import { BenchError, explain } from "../bench-error.ts";

export interface WebSocketOptions {
  readonly port: number;
  readonly path: string;
  readonly protocol?: string;
  /** One of this machine's addresses; about 28,000 connections fit between two addresses. */
  readonly from?: string;
  /** A text or binary message: its payload is `bytes` from `start` to `end`, valid during the call. */
  onMessage(bytes: Buffer, start: number, end: number): void;
  /** The server closed it, or it broke. Not called after `destroy`. */
  onClose(why: string): void;
}

/** The bytes of all connections pass through here: a callback is done with them before the next begins. */
const READ_BUFFER = Buffer.allocUnsafe(1 << 16);
const HOST = "127.0.0.1";
const KEY = "dGhlIHNhbXBsZSBub25jZQ=="; // Of RFC 6455: nobody between us needs to be kept from caching.
const NOTHING = Buffer.alloc(0);

const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A client's frame around the payload. With `room`, the payload may be set later, by the offset that `payloadOf` tells. */
export function frameOf(payload: Uint8Array | string, opcode: number = OPCODE.binary): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const head = body.length < 126 ? 2 : 4;
  const frame = Buffer.alloc(head + 4 + body.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | Math.min(126, body.length);
  if (head === 4) frame.writeUInt16BE(body.length, 2);
  frame.set(body, head + 4);
  return frame;
}

export const textFrameOf = (text: string): Buffer => frameOf(text, OPCODE.text);

/** Where the payload of a client's frame begins, if it has fewer than 126 bytes. */
export const SHORT_HEAD = 6;

/** For a server to let a connection in. */
const OPEN_WITHIN_MS = 30_000;

export class WebSocketClient {
  readonly #socket: Socket;
  readonly #options: WebSocketOptions;
  #upgraded: (() => void) | undefined;
  /** What came of a frame, or of the answer to the upgrade, that is not complete. */
  #rest: Buffer = NOTHING;
  #destroyed = false;

  private constructor(
    options: WebSocketOptions,
    resolve: (client: WebSocketClient) => void,
    reject: (error: unknown) => void,
  ) {
    const { port, path, protocol, from } = options;
    this.#options = options;
    const overdue = setTimeout(() => {
      this.destroy();
      reject(new BenchError(`The server let no WebSocket in within ${OPEN_WITHIN_MS / 1_000} s.`));
    }, OPEN_WITHIN_MS);
    this.#upgraded = () => {
      clearTimeout(overdue);
      resolve(this);
    };
    this.#socket = connect({
      host: HOST,
      port,
      noDelay: true,
      ...(from !== undefined && { localAddress: from }),
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#read(READ_BUFFER, length);
          return true;
        },
      },
    });
    const closed = (why: string): void => {
      clearTimeout(overdue);
      if (this.#upgraded !== undefined) reject(new BenchError(`The server let no WebSocket in: ${why}.`));
      else if (!this.#destroyed) options.onClose(why);
      this.#destroyed = true;
    };
    this.#socket.on("error", (error) => {
      if (this.#upgraded !== undefined) reject(explain(error));
      closed(error.message);
    });
    this.#socket.once("close", () =>
      closed(
        this.#upgraded !== undefined && this.#rest.length > 0 ? firstLine(this.#rest) : "the connection was closed",
      ),
    );
    this.#socket.once("connect", () => {
      const offer = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`,
      );
    });
  }

  /** Resolves once the server has upgraded the connection. @throws BenchError */
  static open(options: WebSocketOptions): Promise<WebSocketClient> {
    return new Promise((resolve, reject) => void new WebSocketClient(options, resolve, reject));
  }

  /** A frame as `frameOf` made it. Its bytes are left alone until the server has answered. */
  send(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /** Reads no more, so that the kernel's buffers fill up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer, length: number): void {
    let bytes = chunk;
    let end = length;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      end = bytes.length;
    }
    const used = this.#upgraded === undefined ? this.#readFrames(bytes, 0, end) : this.#readUpgrade(bytes, end);
    this.#rest = used === end ? NOTHING : Buffer.from(bytes.subarray(used, end));
  }

  #readUpgrade(bytes: Buffer, length: number): number {
    const end = bytes.subarray(0, length).indexOf("\r\n\r\n");
    if (end < 0) return 0;
    if (!bytes.toString("latin1", 0, 12).endsWith(" 101")) {
      this.#socket.destroy();
      return 0; // Its first line says why.
    }
    this.#upgraded?.();
    this.#upgraded = undefined;
    // Whoever opened it hears of what came along only once it has the client.
    setImmediate(() => this.#read(NOTHING, 0));
    return end + 4;
  }

  #readFrames(bytes: Buffer, begin: number, end: number): number {
    let at = begin;
    while (end - at >= 2) {
      const opcode = (bytes[at] ?? 0) & 0x0f;
      let length = (bytes[at + 1] ?? 0) & 0x7f;
      let head = 2;
      if (length === 126) {
        if (end - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (end - at < 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        head = 10;
      }
      const start = at + head;
      if (end - start < length) break;
      at = start + length;
      if (opcode === OPCODE.text || opcode === OPCODE.binary) this.#options.onMessage(bytes, start, at);
      else if (opcode === OPCODE.ping) this.send(frameOf(Buffer.from(bytes.subarray(start, at)), OPCODE.pong));
      else if (opcode === OPCODE.close && !this.#destroyed) {
        this.#destroyed = true;
        this.#options.onClose(`closed with ${length >= 2 ? bytes.readUInt16BE(start) : "no code"}`);
      }
    }
    return at;
  }
}

const firstLine = (bytes: Buffer): string => bytes.toString("latin1").split("\r\n")[0] ?? "";

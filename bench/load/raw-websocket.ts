/**
 * A WebSocket client on a raw socket, for load: it parses no more than it must and masks with zeros (RFC 6455, 5.3 allows any mask),
 * so that the generator costs less than the server it measures. Not for use against anything that is not trusted.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

interface Options {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly protocol?: string;
  /** One of this machine's addresses; about 28,000 connections fit between two addresses. */
  readonly localAddress?: string;
  onMessage(payload: Buffer): void;
  onClose(why: string): void;
}

const TEXT = 0x81;
const BINARY = 0x82;

export class RawWebSocket {
  readonly #socket: Socket;
  readonly #options: Options;
  #rest: Buffer = Buffer.alloc(0);
  bytesRead = 0;
  frames = 0;

  private constructor(socket: Socket, options: Options) {
    this.#socket = socket;
    this.#options = options;
  }

  static open(options: Options): Promise<RawWebSocket> {
    return new Promise((resolve, reject) => {
      const { host, port, localAddress } = options;
      const socket = connect({ host, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) });
      const client = new RawWebSocket(socket, options);
      const headers = [
        `GET ${options.path} HTTP/1.1`,
        `Host: ${host}:${port}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
        "Sec-WebSocket-Version: 13",
        ...(options.protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${options.protocol}`]),
      ];
      let head = "";
      const onHead = (chunk: Buffer): void => {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!head.startsWith("HTTP/1.1 101")) {
          reject(new Error(`no WebSocket: ${head.slice(0, head.indexOf("\r\n"))}`));
          socket.destroy();
          return;
        }
        socket.off("data", onHead);
        socket.on("data", (data: Buffer) => client.#onData(data));
        resolve(client);
        const early = Buffer.from(head.slice(end + 4), "latin1");
        if (early.length > 0) client.#onData(early);
      };
      socket.on("data", onHead);
      socket.once("error", reject);
      socket.once("close", () => options.onClose("the socket closed"));
      socket.once("connect", () => socket.write(`${headers.join("\r\n")}\r\n\r\n`));
    });
  }

  sendText(text: string): void {
    this.#send(TEXT, Buffer.from(text));
  }

  sendBinary(payload: Uint8Array): void {
    this.#send(BINARY, payload);
  }

  /** Several frames in one write. */
  cork(work: () => void): void {
    this.#socket.cork();
    work();
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #send(opcode: number, payload: Uint8Array): void {
    const { length } = payload;
    const head = length < 126 ? 2 : 4;
    const frame = Buffer.allocUnsafe(head + 4 + length);
    frame[0] = opcode;
    if (length < 126) frame[1] = 0x80 | length;
    else {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(length, 2);
    }
    frame.fill(0, head, head + 4);
    frame.set(payload, head + 4);
    this.#socket.write(frame);
  }

  #onData(data: Buffer): void {
    this.bytesRead += data.length;
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (bytes.length - at >= 2) {
      const opcode = (bytes[at] ?? 0) & 0x0f;
      let length = (bytes[at + 1] ?? 0) & 0x7f;
      let head = 2;
      if (length === 126) {
        if (bytes.length - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (bytes.length - at < 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (bytes.length - at < head + length) break;
      const payload = bytes.subarray(at + head, at + head + length);
      at += head + length;
      if (opcode === 1 || opcode === 2) {
        this.frames++;
        this.#options.onMessage(payload);
      } else if (opcode === 9) this.#send(0x8a, payload);
      else if (opcode === 8)
        this.#options.onClose(`closed with ${payload.length >= 2 ? payload.readUInt16BE(0) : "no code"}`);
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}

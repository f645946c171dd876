import type { ServerMessage } from "../../contracts/wire/socket-messages.ts";
import { answerOf, subjectOf } from "./recorded-call.ts";
import { type OpenClaim, recorder } from "./recorder.ts";

interface Sent {
  readonly couponId: string;
  readonly ref: string | undefined;
  readonly open: OpenClaim;
}

/** One socket's part of the history: its claims and their answers, and the personal messages it heard. */
export class RecordedSocket {
  readonly #gateway: string;
  #userId: string | undefined;
  #sent: Sent[] = [];

  constructor(gateway: string, token: string | undefined) {
    this.#gateway = gateway;
    this.#userId = subjectOf(token);
  }

  /** Call it before the message is sent. */
  sends(message: object): void {
    const { type, token, couponId, ref } = message as Record<string, string | undefined>;
    if (type === "auth") this.#userId ??= subjectOf(token);
    if (type !== "claim" || couponId === undefined || this.#userId === undefined) return;
    const open = recorder.claim(couponId, { userId: this.#userId, via: "socket", gateway: this.#gateway });
    this.#sent.push({ couponId, ref, open });
  }

  hears(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.#userId = message.userId;
        break;
      case "claim.accepted":
        this.#answered(
          message.couponId,
          message.ref,
        )?.(answerOf({ status: "repeat" in message && message.repeat ? 200 : 202, body: message }));
        break;
      case "claim.refused":
        this.#answered(message.couponId, message.ref)?.({ kind: "refused", code: message.code });
        break;
      case "error":
        if (message.ref !== undefined)
          this.#answered(undefined, message.ref)?.({ kind: "refused", code: message.code });
        break;
      default:
        if (this.#userId !== undefined) recorder.heard(this.#userId, message);
    }
  }

  /** The claim that an answer is for: by its `ref`, else the oldest of that sale. A socket that closes leaves the rest unknown. */
  #answered(couponId: string | undefined, ref: string | undefined): OpenClaim | undefined {
    const index = this.#sent.findIndex((sent) => sent.ref === ref && (couponId ?? sent.couponId) === sent.couponId);
    return index < 0 ? undefined : this.#sent.splice(index, 1)[0]!.open;
  }
}

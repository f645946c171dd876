import type { UserId } from "../../contracts/wire/ids.ts";
import type { ClientSocket } from "./user-socket.ts";

/** The open sockets by user. Most users have one socket, so a single socket is stored without an array. */
export class Registry {
  readonly all = new Set<ClientSocket>();
  /** Neither authenticated yet nor following a sale, oldest first. */
  readonly anonymous = new Set<ClientSocket>();
  private readonly byUser = new Map<UserId, ClientSocket | ClientSocket[]>();
  private readonly byAddress = new Map<string, number>();

  /** Adds a socket that has just opened. */
  add(socket: ClientSocket): void {
    this.all.add(socket);
    this.anonymous.add(socket);
    const { address } = socket.data;
    this.byAddress.set(address, this.atAddress(address) + 1);
  }

  /** The socket has authenticated (`data.userId` is set). */
  identify(socket: ClientSocket): void {
    this.anonymous.delete(socket);
    const userId = socket.data.userId!;
    const present = this.byUser.get(userId);
    if (present === undefined) this.byUser.set(userId, socket);
    else if (Array.isArray(present)) present.push(socket);
    else this.byUser.set(userId, [present, socket]);
  }

  /** The socket follows a sale: it may stay without authenticating. */
  watches(socket: ClientSocket): void {
    this.anonymous.delete(socket);
  }

  /** Removes a socket. Does nothing for an unknown one. */
  remove(socket: ClientSocket): void {
    if (!this.all.delete(socket)) return;
    this.anonymous.delete(socket);
    const { address, userId } = socket.data;
    const left = this.atAddress(address) - 1;
    if (left > 0) this.byAddress.set(address, left);
    else this.byAddress.delete(address);
    if (userId === null) return;
    const others = this.ofUser(userId).filter((other) => other !== socket);
    if (others.length === 0) this.byUser.delete(userId);
    else this.byUser.set(userId, others.length === 1 ? others[0]! : others);
  }

  /** A user's sockets on this gateway. */
  ofUser(userId: UserId): readonly ClientSocket[] {
    const present = this.byUser.get(userId);
    if (present === undefined) return [];
    return Array.isArray(present) ? present : [present];
  }

  atAddress(address: string): number {
    return this.byAddress.get(address) ?? 0;
  }
}

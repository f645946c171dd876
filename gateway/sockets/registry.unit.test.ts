import { expect, test } from "bun:test";
import fc from "fast-check";
import type { UserId } from "../../contracts/wire/ids.ts";
import { Registry } from "./registry.ts";
import { type ClientSocket, UserSocket } from "./user-socket.ts";

let number = 0;
const socketAt = (address: string) => ({ data: new UserSocket(++number, address, 0, null) }) as ClientSocket;
const user = (n: number) => `user-${n}` as UserId;

test("a user's sockets are found, however many, and are gone when they are removed", () => {
  const registry = new Registry();
  const sockets = [socketAt("a"), socketAt("a"), socketAt("b")];
  for (const socket of sockets) {
    registry.add(socket);
    socket.data.userId = user(1);
    registry.identify(socket);
  }
  expect(registry.ofUser(user(1))).toEqual(sockets);
  expect([registry.atAddress("a"), registry.atAddress("b"), registry.anonymous.size]).toEqual([2, 1, 0]);
  registry.remove(sockets[1]!);
  registry.remove(sockets[1]!);
  expect(registry.ofUser(user(1))).toEqual([sockets[0]!, sockets[2]!]);
  registry.remove(sockets[0]!);
  expect(registry.ofUser(user(1))).toEqual([sockets[2]!]);
  registry.remove(sockets[2]!);
  expect([registry.ofUser(user(1)), registry.all.size, registry.atAddress("a")]).toEqual([[], 0, 0]);
});

test("any sequence of coming, saying who one is, and going leaves the registry as a plain list would", () => {
  const step = fc.record({ what: fc.constantFrom("add", "identify", "remove"), which: fc.nat(9), who: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const registry = new Registry();
      const sockets = Array.from({ length: 10 }, (_, i) => socketAt(`address-${i % 2}`));
      const present = new Set<ClientSocket>();
      for (const { what, which, who } of steps) {
        const socket = sockets[which]!;
        if (what === "add" && !present.has(socket)) {
          socket.data.userId = null;
          registry.add(socket);
          present.add(socket);
        } else if (what === "identify" && present.has(socket) && socket.data.userId === null) {
          socket.data.userId = user(who);
          registry.identify(socket);
        } else if (what === "remove") {
          registry.remove(socket);
          present.delete(socket);
        }
      }
      const list = [...present];
      for (let n = 0; n < 4; n++) {
        expect(new Set(registry.ofUser(user(n)))).toEqual(new Set(list.filter((s) => s.data.userId === user(n))));
      }
      expect(registry.anonymous.size).toBe(list.filter((s) => s.data.userId === null).length);
      for (const address of ["address-0", "address-1"]) {
        expect(registry.atAddress(address)).toBe(list.filter((s) => s.data.address === address).length);
      }
    }),
  );
});

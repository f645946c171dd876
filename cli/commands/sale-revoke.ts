import { Command, InvalidArgumentError } from "commander";
import { isRequestId, type RequestId } from "../../contracts/wire/ids.ts";
import type { AdminApi } from "../sale/admin-api.ts";
import { reasonOf } from "../terminal/reason.ts";

/** A request id of the command line. @throws InvalidArgumentError for a coupon's id, which is the first half of a request's */
export function requestIdOf(text: string): RequestId {
  if (isRequestId(text)) return text;
  throw new InvalidArgumentError(
    "Write a request id like 7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd: a claim was answered with one.",
  );
}

export function revokeCommand(api: () => AdminApi): Command {
  return new Command("revoke")
    .description("Takes one claim back for good: its owner is told, and its slot goes to the next user")
    .argument("<requestId>", "of the claim", requestIdOf)
    .requiredOption("--why <text>", "for the audit log", reasonOf)
    .option("--block", "also block the user, until ./dev unblock")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  ./dev sale revoke 7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd --why 'claimed by a bot'" +
        "\n\nThe user may claim again, unless --block is given. Asked twice it answers the same.",
    )
    .action(async (requestId: RequestId, { why, json, block }: { why: string; json?: boolean; block?: boolean }) => {
      const calls = api();
      const revoked = await calls.revoke(requestId, why);
      // After the revocation, which says whose claim it was: a user who claims again in between wins once more, and is blocked then.
      const blocked = block ? await calls.block({ userId: revoked.userId, why }) : undefined;
      if (json) console.log(JSON.stringify({ ...revoked, ...(blocked && { blocked: true }) }, null, 2));
      else {
        if (blocked !== undefined) console.log(`blocked ${revoked.userId} until ./dev unblock`);
        console.log(`revoked ${revoked.requestId} of user ${revoked.userId}`);
        if (revoked.released) console.log("its slot can be won again");
        else
          console.log(
            "its slot is freed as soon as the sale is loaded and role claim-relay runs; the claim is void already",
          );
      }
    });
}

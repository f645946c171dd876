import { listenBun } from "../../gateway/transports/bun.ts";
import { transportContract } from "../contracts/transport.contract.ts";

transportContract("bun", listenBun, { oldForms: 200, isStrict: true });

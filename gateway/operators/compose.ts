import { choiceOf, redisPercent } from "../../contracts/claims/pipeline.ts";
import { newProductId } from "../../contracts/orders/ids.ts";
import { chosenBy, SAGA_SETTING, sagaView } from "../../contracts/orders/saga-mode.ts";
import { newCouponId } from "../../contracts/wire/ids.ts";
import { block as insertBlock, unblock as removeBlock } from "../../db/blocks/change.ts";
import { blockOf, listBlocks } from "../../db/blocks/list.ts";
import { isReleased } from "../../db/claims/revocations.ts";
import { revokeClaim as commitRevocation } from "../../db/claims/revoke.ts";
import { discardDeadLetter, retryDeadLetter } from "../../db/dead-letters/change.ts";
import { findDeadLetter, listDeadLetters } from "../../db/dead-letters/read.ts";
import { once } from "../../db/once.ts";
import { createSale as insertSale, resizeSale as resizeRow, setSaleState } from "../../db/sales/change.ts";
import { editSale as changeSale } from "../../db/sales/edit.ts";
import { changeSetting, findSetting } from "../../db/settings/settings.ts";
import { type GrantLimits, grantPoints as insertGrant } from "../../db/shop/points.ts";
import {
  restockProduct as addStock,
  editProduct as changeProduct,
  createProduct as insertProduct,
  listProducts,
} from "../../db/shop/products.ts";
import { createAdmission } from "../../lua/admission.ts";
import {
  BLOCKS_CHANNEL,
  PIPELINE_CHANNEL,
  PRODUCTS_CHANNEL,
  REVOCATIONS_CHANNEL,
  SALE_LOADER_CHANNEL,
} from "../../lua/keys.ts";
import { findInLedger } from "../../lua/ledger.ts";
import { findPending } from "../../lua/pending-requests.ts";
import { readSale } from "../../lua/sale-reading.ts";
import type { AuthDomain } from "../auth/compose.ts";
import type { ClaimDomain } from "../claims/compose.ts";
import { PIPELINE_SETTING } from "../claims/follow-choice.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Sales } from "../sales/compose.ts";
import type { Shop } from "../shop/compose.ts";
import { type BlockControl, blockEndpoints } from "./blocks.ts";
import { createSale, type SaleCreation } from "./create-sale.ts";
import { type DeadLetterControl, deadLetterEndpoints } from "./dead-letters.ts";
import { editSale, type SaleEditing } from "./edit-sale.ts";
import { type Grant, grantPoints } from "./grant-points.ts";
import { listEndpoints, type OperatorLists } from "./lists.ts";
import { type PipelineControl, pipelineEndpoints } from "./pipeline.ts";
import { createProduct, editProduct, type ProductControl, restockProduct } from "./products.ts";
import { type Resizing, resizeSale } from "./resize-sale.ts";
import { type Revoking, revokeClaim } from "./revoke-claim.ts";
import { type SagaControl, sagaEndpoints } from "./saga.ts";
import { changeSaleState, INTENT, type SaleControl } from "./sale-state.ts";

export interface OperatorParts {
  readonly saleCreation: SaleCreation;
  readonly saleControl: SaleControl;
  readonly editing: SaleEditing;
  readonly resizing: Resizing;
  readonly revoking: Revoking;
  readonly pipeline: PipelineControl;
  readonly saga: SagaControl;
  readonly deadLetters: DeadLetterControl;
  readonly products: ProductControl;
  readonly lists: OperatorLists;
  readonly grant: Grant;
  /** Of treasurers; an admin has none. */
  readonly grantLimits: GrantLimits;
  readonly blocks: BlockControl;
}

export const operatorEndpoints = (parts: OperatorParts): Endpoint[] => [
  createSale(parts.saleCreation),
  changeSaleState(parts.saleControl, "open"),
  changeSaleState(parts.saleControl, "pause"),
  changeSaleState(parts.saleControl, "close"),
  editSale(parts.editing),
  resizeSale(parts.resizing),
  revokeClaim(parts.revoking),
  ...pipelineEndpoints(parts.pipeline),
  ...sagaEndpoints(parts.saga),
  ...deadLetterEndpoints(parts.deadLetters),
  createProduct(parts.products),
  editProduct(parts.products),
  restockProduct(parts.products),
  grantPoints(parts.grant, parts.grantLimits),
  ...blockEndpoints(parts.blocks),
  ...listEndpoints(parts.lists),
];

function saleCreation({ redis, sql, guarded }: GatewayConnections, { viewSale }: Sales): SaleCreation {
  return {
    insert: (asking, terms) =>
      guarded(() =>
        once(sql, { ...asking, request: ["sale", terms] }, (tx) =>
          insertSale(tx, { ...terms, id: newCouponId() }, asking.actor),
        ),
      ),
    wakeLoader: async (couponId) => void (await redis.publish(SALE_LOADER_CHANNEL, couponId)),
    view: viewSale,
  };
}

const saleControl = ({ sql, guarded }: GatewayConnections, { scripts, viewSale }: Sales): SaleControl => ({
  change: (couponId, action, actor) =>
    guarded(() => setSaleState(sql, couponId, INTENT[action], actor, () => scripts.setState(couponId, INTENT[action]))),
  view: viewSale,
});

const saleEditing = ({ sql, guarded }: GatewayConnections, { scripts, viewSale }: Sales): SaleEditing => ({
  edit: (couponId, edit, actor) =>
    guarded(() => changeSale(sql, couponId, edit, actor, (state, window) => scripts.setState(couponId, state, window))),
  view: viewSale,
});

function resizing(
  { sql, guarded, fault, onError }: GatewayConnections,
  { scripts, recovering, viewSale }: Sales,
): Resizing {
  const resizeInRedis: typeof scripts.resize = async (couponId, total, highestSlot) => {
    fault("resize:before-redis");
    const resized = await scripts.resize(couponId, total, highestSlot);
    fault("resize:after-redis");
    return resized;
  };
  return {
    resize: (couponId, total, actor) =>
      guarded(() =>
        resizeRow(sql, couponId, total, actor, (to, highest) => resizeInRedis(couponId, to, highest), onError),
      ),
    recovering,
    view: viewSale,
  };
}

function revoking({ redis, sql, guarded, fault }: GatewayConnections, { recovering }: Sales): Revoking {
  return {
    async commit(wish, unpersisted) {
      const outcome = await guarded(() => commitRevocation(sql, wish, unpersisted));
      if (outcome.code === "REVOKED") fault("revoke:committed");
      return outcome;
    },
    onItsWay: async (couponId, requestId) =>
      (await findInLedger(redis, couponId, requestId)) ?? (await findPending(redis, couponId, requestId)),
    isLoaded: async (couponId) => ((await readSale(redis, couponId))?.state ?? "RECOVERING") !== "RECOVERING",
    recovering,
    wake: (requestId) => redis.publish(REVOCATIONS_CHANNEL, requestId),
    isReleased: (requestId) => guarded(() => isReleased(sql, requestId)),
  };
}

function pipelineControl(
  { redis, sql, guarded, onError }: GatewayConnections,
  { pipelines }: ClaimDomain,
  requireKafka: boolean,
): PipelineControl {
  return {
    async read() {
      await pipelines.look();
      return pipelines.view();
    },
    async change(pipeline, actor) {
      await guarded(() => changeSetting(sql, PIPELINE_SETTING, choiceOf(redisPercent(pipeline)), actor));
      // Unheard, every gateway still looks twice a second.
      await redis.publish(PIPELINE_CHANNEL, "").catch(onError);
      await pipelines.look();
      return pipelines.view();
    },
    requireKafka,
  };
}

function productControl({ redis, sql, guarded, onError }: GatewayConnections, { offers }: Shop): ProductControl {
  const admission = createAdmission(redis);
  return {
    async create(asking, product) {
      const created = await guarded(() =>
        once(sql, { ...asking, request: ["product", product] }, (tx) =>
          insertProduct(tx, newProductId(), product, asking.actor),
        ),
      );
      // Before the product is announced, so that the first orders of a rush are admitted or refused correctly.
      if (created.flash) await admission.introduce(created).catch(onError); // the loader finds it as well
      return created;
    },
    async edit(id, edit, actor) {
      const edited = await guarded(() => changeProduct(sql, id, edit, actor));
      offers.forget(id);
      // A gateway that misses it has the price when what it remembers expires.
      await redis.publish(PRODUCTS_CHANNEL, id).catch(onError);
      return edited;
    },
    restock: (asking, id, quantity) =>
      guarded(() =>
        once(sql, { ...asking, request: ["restock", id, quantity] }, (tx) => addStock(tx, id, quantity, asking.actor)),
      ),
  };
}

const deadLetterControl = ({ sql, orm, guarded }: GatewayConnections): DeadLetterControl => ({
  list: (filter, cursor, limit) => guarded(() => listDeadLetters(orm, filter, cursor, limit)),
  find: (id) => guarded(() => findDeadLetter(orm, id)),
  retry: (id, actor) => guarded(() => retryDeadLetter(sql, id, actor)),
  discard: (id, actor, why) => guarded(() => discardDeadLetter(sql, id, actor, why)),
});

function blockControl(
  { redis, sql, orm, guarded, onError }: GatewayConnections,
  config: GatewayConfig,
  { blocks }: AuthDomain,
): BlockControl {
  /** Unheard, every gateway still looks twice a second. */
  async function tell(): Promise<void> {
    await redis.publish(BLOCKS_CHANNEL, "").catch(onError);
    await blocks.look().catch(onError);
  }
  return {
    async block(subject, terms, actor) {
      const row = await guarded(() => insertBlock(sql, subject, terms, actor));
      await tell();
      return blockOf(row);
    },
    async unblock(subject, actor) {
      const wasBlocked = await guarded(() => removeBlock(sql, subject, actor));
      await tell();
      return wasBlocked;
    },
    list: (cursor, limit) => guarded(() => listBlocks(orm, cursor, limit)),
    maxTokenAgeS: config.JWT_MAX_AGE_S,
  };
}

/** The operators' calls on Redis and PostgreSQL. */
export function composeOperators(
  connections: GatewayConnections,
  config: GatewayConfig,
  sales: Sales,
  claims: ClaimDomain,
  shop: Shop,
  auth: AuthDomain,
): Endpoint[] {
  const { sql, orm, guarded } = connections;
  return operatorEndpoints({
    saleCreation: saleCreation(connections, sales),
    saleControl: saleControl(connections, sales),
    editing: saleEditing(connections, sales),
    resizing: resizing(connections, sales),
    revoking: revoking(connections, sales),
    pipeline: pipelineControl(connections, claims, config.CLAIM_REQUIRE_KAFKA),
    saga: {
      read: async () => sagaView(await guarded(() => findSetting(sql, SAGA_SETTING)), chosenBy(config)),
      change: async (mode, actor) => sagaView(await guarded(() => changeSetting(sql, SAGA_SETTING, mode, actor)), mode),
    },
    deadLetters: deadLetterControl(connections),
    products: productControl(connections, shop),
    lists: {
      sales: sales.readAll,
      products: (cursor, limit) => guarded(() => listProducts(orm, cursor, limit)),
    },
    grant: (asking, grant, limits) =>
      guarded(() =>
        once(sql, { ...asking, request: ["grant", grant] }, (tx) => insertGrant(tx, grant, asking.actor, limits)),
      ),
    grantLimits: { perGrant: config.TREASURER_GRANT_MAX, perDay: config.TREASURER_GRANT_DAY_MAX },
    blocks: blockControl(connections, config, auth),
  });
}
